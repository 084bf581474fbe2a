import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from medseg.bundle.load import inference_config
from medseg.errors import UserError, first_line


def run_evaluation(bundle: Path, on_item: Callable[[int, int], None]) -> dict[str, float]:
    """Run the evaluate config of ``bundle``, laid over its inference config, and return its metrics by name.

    Args:
        bundle: folder of a bundle whose evaluation makes up its own data.
        on_item: called after every item with how many are done, and of how many.

    Raises:
        UserError: a config is absent or cannot be run, or the weights do not fit.
    """
    from ignite.engine import Events
    from monai.bundle import ConfigWorkflow

    inference = inference_config(bundle)
    config = inference.with_stem("evaluate")
    if not config.is_file():
        raise UserError(f"bundle `{bundle.name}` has no configs/{config.name}")
    logging.disable(logging.WARNING)  # MONAI warns, on standard output, that it leaves our logging alone
    try:
        workflow: Any = ConfigWorkflow(
            [str(inference), str(config)],
            workflow_type="infer",
            logging_file=False,
            bundle_root=str(bundle),
            handlers=[],  # they print, and write files of their own
        )
        workflow.initialize()
        evaluator = workflow.evaluator
        total = evaluator.state.epoch_length
        evaluator.add_event_handler(Events.ITERATION_COMPLETED, lambda engine: on_item(engine.state.iteration, total))
        workflow.run()
        workflow.finalize()
    except UserError:
        raise
    except Exception as error:  # a config can fail in as many ways as there is code in it
        raise UserError(f"bundle `{bundle.name}` cannot be evaluated: {first_line(error)}") from error
    finally:
        logging.disable(logging.NOTSET)
    return {name: float(value) for name, value in evaluator.state.metrics.items()}
