from xml.sax.handler import ContentHandler

import pytest

from tracking.errors import TrackingError
from tracking.io.read_tracks import read_tracks
from tracking.io.safe_xml import XmlHandler, read_xml, xml_root

BILLION_LAUGHS = """<?xml version="1.0"?>
<!DOCTYPE root [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>
<root>&c;</root>"""
EXTERNAL_ENTITY = """<?xml version="1.0"?>
<!DOCTYPE root [<!ENTITY secret SYSTEM "file:///etc/passwd">]>
<root><TrackContestISBI2012 scenario="&secret;"/></root>"""
EXTERNAL_DTD = '<!DOCTYPE root SYSTEM "http://localhost:9/root.dtd"><root/>'
PLAIN_DOCTYPE = "<!DOCTYPE root><root/>"


@pytest.mark.parametrize("text", [BILLION_LAUGHS, EXTERNAL_ENTITY, EXTERNAL_DTD, PLAIN_DOCTYPE])
def test_hostile_declarations_are_refused_before_anything_is_read(tmp_path, text):
    file = tmp_path / "tracks.xml"
    file.write_text(text)
    with pytest.raises(TrackingError, match=r"tracks\.xml` is refused: it declares a document type or entities"):
        read_tracks(file)
    with pytest.raises(TrackingError, match="is refused"):
        read_xml(file, ContentHandler())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("<root>\n<a>\n</root>", "is not well-formed XML: mismatched tag in line 3"),
        ("<root>\n<a/>", "is not well-formed XML: no element found in line 2"),
        ("frame,particle,x,y\n0,0,1,2\n", "is not well-formed XML: syntax error in line 1"),
        ("", "is not well-formed XML: no element found in line 1"),
        ("<root>\x00</root>", "is not well-formed XML"),
        ('<?xml version="1.0" encoding="no-such"?><root/>', "is not well-formed XML"),
        ("<root>&undefined;</root>", "is not well-formed XML: undefined entity in line 1"),
        ("<root/>\n<root/>", "is not well-formed XML: junk after document element in line 2"),
    ],
)
def test_what_is_no_xml_is_one_sentence_with_its_line(tmp_path, text, sentence):
    file = tmp_path / "tracks.xml"
    file.write_text(text)
    with pytest.raises(TrackingError, match=sentence):
        read_xml(file, ContentHandler())


def test_bytes_that_are_no_text(tmp_path):
    file = tmp_path / "tracks.xml"
    file.write_bytes(bytes(range(256)))
    with pytest.raises(TrackingError, match="is not well-formed XML"):
        read_tracks(file)


def test_the_root_is_found_without_reading_on(tmp_path):
    file = tmp_path / "tracks.xml"
    file.write_text('<?xml version="1.0"?><!-- from somewhere --><TrackMate version="7"><unclosed>')
    assert xml_root(file) == "TrackMate"


def test_numbers_are_read_and_refused_with_the_line(tmp_path):
    file = tmp_path / "numbers.xml"
    file.write_text('<a>\n<b x="1.5" t="3.0" bad="1e999" far="2e9" half="0.5" word="three"/>\n</a>')

    class Handler(XmlHandler):
        def startElement(self, name, attrs):
            if name != "b":
                return
            assert self.number(attrs, "x") == 1.5
            assert self.number(attrs, "absent", 7.0) == 7.0
            assert self.whole_number(attrs, "t", 10) == 3
            for attribute, sentence in (
                ("absent", "numbers.xml`, line 2: the attribute absent is missing"),
                ("bad", "line 2: bad must be finite, got '1e999'"),
                ("word", "line 2: word must be a number, got 'three'"),
                ("half", "line 2: half must be a whole number from 0 to 10, got '0.5'"),
                ("far", "line 2: far must be a whole number from 0 to 10, got '2e9'"),
            ):
                with pytest.raises(TrackingError, match=sentence):
                    self.whole_number(attrs, attribute, 10)
            seen.append(name)

    seen = []
    read_xml(file, Handler(file))
    assert seen == ["b"]
