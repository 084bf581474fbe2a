from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from medseg.cli.bundle_process import BundleProcess
from medseg.cli.compare_measures import quality
from medseg.cli.console import progress, say
from medseg.errors import UserError

if TYPE_CHECKING:
    from medseg.bundle import BundleMetadata
    from medseg.bundle.evaluate import CaseScore
    from medseg.cli.case_picture import CasePicture
    from medseg.cli.serve_bundle import TimedLabel
    from medseg.runs import Run
    from medseg.training.dataset import Case

N_WORST = 3


@dataclass(frozen=True)
class ComparedCase:
    """A case that every bundle could do; scores and seconds are by bundle."""

    case: "Case"
    scores: "dict[str, CaseScore]"
    seconds: dict[str, float]

    @property
    def quality(self) -> float | None:
        """What it is ranked by: Dice, or AP at .5 of objects, mean over classes and bundles; None where undefined."""
        found = [value for score in self.scores.values() if (value := quality(score)) is not None]
        return sum(found) / len(found) if found else None


@dataclass
class Comparison:
    """What came of all cases.

    Attributes:
        cases: those that every bundle could do.
        failed: the bundles that could not do a case, by its id; all of them where its files cannot be used.
        memory_peak_bytes: largest resident memory of the process of each bundle.
        cuda_peak_bytes: largest memory on its CUDA device; empty without one.
        worst: the cases of lowest quality, the worst first, with what is to be seen of them.
    """

    cases: list[ComparedCase] = field(default_factory=list)
    failed: dict[str, list[str]] = field(default_factory=dict)
    memory_peak_bytes: dict[str, int] = field(default_factory=dict)
    cuda_peak_bytes: dict[str, int] = field(default_factory=dict)
    worst: "list[tuple[ComparedCase, CasePicture]]" = field(default_factory=list)


def compare_cases(
    run: "Run",
    processes: Mapping[str, BundleProcess],
    cases: "Sequence[Case]",
    metadata: "BundleMetadata",
    tolerance_mm: float,
) -> Comparison:
    """Let every bundle do every case, one at a time and in turns, and score what they say.

    What slows the machine down for a while so slows all of them, and none is always the first. A case that fails is
    told on the terminal.
    """
    comparison = Comparison()
    names = list(processes)
    for number, case in enumerate(progress(cases, "comparing")):
        run.case(case.id)
        turn = number % len(names)
        order = names[turn:] + names[:turn]
        if number == 0:
            _warm_up(processes, case)
        try:
            _compare_case(run, comparison, {name: processes[name] for name in order}, case, metadata, tolerance_mm)
        except UserError as error:
            say(f"medseg: {error}")
            comparison.failed[case.id] = names
    return comparison


def _warm_up(processes: Mapping[str, BundleProcess], case: "Case") -> None:
    """The first prediction of a process takes longer than those that follow, so it is not timed."""
    for process in processes.values():
        try:
            process.predict(case.image)
        except UserError:
            continue  # told when it counts


def _compare_case(
    run: "Run",
    comparison: Comparison,
    processes: Mapping[str, BundleProcess],
    case: "Case",
    metadata: "BundleMetadata",
    tolerance_mm: float,
) -> None:
    from medseg.bundle.evaluate import score_label
    from medseg.cli.case_picture import take_picture
    from medseg.io import read_image, read_label, require_same_geometry

    image, label = read_image(case.image), read_label(case.label)
    require_same_geometry(image, label, f"`{case.image}`", f"`{case.label}`")
    answers: dict[str, TimedLabel] = {}
    for name, process in processes.items():
        try:
            answers[name] = process.predict(case.image)
        except UserError as error:
            say(f"medseg: {error}")
    for name, answer in answers.items():
        peaks = comparison.memory_peak_bytes
        peaks[name] = max(answer.memory_peak_bytes, peaks.get(name, 0))
        if answer.cuda_peak_bytes is not None:
            comparison.cuda_peak_bytes[name] = max(answer.cuda_peak_bytes, comparison.cuda_peak_bytes.get(name, 0))
    if failed := [name for name in processes if name not in answers]:
        comparison.failed[case.id] = failed
        return
    try:
        scores = {
            name: score_label(answer.label, label.data[0], image.spacing, metadata, tolerance_mm)
            for name, answer in answers.items()
        }
    except UserError as error:
        raise UserError(f"`{case.label}`: {error}") from error
    found = ComparedCase(case, scores, {name: answer.seconds for name, answer in answers.items()})
    comparison.cases.append(found)
    run.add_input(case.image)
    run.add_input(case.label)
    if _is_among_worst(comparison, found):
        labels = {name: answer.label for name, answer in answers.items()}
        comparison.worst.append((found, take_picture(image, label.data[0], labels)))
        comparison.worst.sort(key=lambda item: item[0].quality or 0.0)
        del comparison.worst[N_WORST:]


def _is_among_worst(comparison: Comparison, case: ComparedCase) -> bool:
    if case.quality is None:
        return False
    return len(comparison.worst) < N_WORST or case.quality < (comparison.worst[-1][0].quality or 0.0)
