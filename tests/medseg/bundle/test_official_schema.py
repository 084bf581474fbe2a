import json
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from medseg.bundle import find_bundle
from medseg.bundle.check import check_official_schema


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def schema_url(tmp_path: Path) -> Iterator[str]:
    """A schema on a web server: the official one is not to be had without a network."""
    schema = {"type": "object", "required": ["version", "network_data_format"]}
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "schema.json").write_text(json.dumps(schema))
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "web"))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/schema.json"
        server.shutdown()


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    shutil.copytree(find_bundle("hippocampus_unet") / "configs", folder / "configs")
    return folder


def change(bundle: Path, **values: object) -> None:
    path = bundle / "configs" / "metadata.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_the_schema_that_the_metadata_name_is_fetched_and_asked(bundle, schema_url):
    change(bundle, schema=schema_url)
    assert check_official_schema(bundle) == []

    (Path(bundle).parent / "web" / "schema.json").write_text(json.dumps({"required": ["absent_key"]}))
    (finding,) = check_official_schema(bundle)
    assert finding.level == "error"
    assert "absent_key" in finding.message


def test_no_network_is_a_warning(bundle):
    change(bundle, schema="http://127.0.0.1:9/schema.json")
    (finding,) = check_official_schema(bundle)
    assert finding.level == "warning"
    assert "not checked against the official schema" in finding.message


def test_a_schema_on_this_machine_is_not_opened(bundle):
    change(bundle, schema="file:///etc/hosts")
    (finding,) = check_official_schema(bundle)
    assert finding.level == "error"
