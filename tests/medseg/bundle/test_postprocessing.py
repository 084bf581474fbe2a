from monai.transforms import Activationsd, AsDiscreted, Compose, EnsureTyped, Transform

from medseg.bundle.postprocessing import find_channels, split_postprocessing


class Instances(Transform):
    gives_label = True

    def __call__(self, data: dict) -> dict:
        return data


def names(chain: Compose) -> list[str]:
    return [type(transform).__name__ for transform in chain.transforms]


def test_the_cut_is_before_the_first_transform_that_makes_labels() -> None:
    softmax, typed = Activationsd("pred", softmax=True), EnsureTyped("pred")
    for maker in (AsDiscreted("pred", argmax=True), Instances()):
        first, second = split_postprocessing(Compose([Compose([softmax, typed]), maker, typed]))
        assert names(first) == ["Activationsd", "EnsureTyped"]
        assert names(second) == [type(maker).__name__, "EnsureTyped"]
    assert names(split_postprocessing(Compose([softmax]))[1]) == []


def test_the_activation_says_what_the_channels_are() -> None:
    label = Compose([AsDiscreted("pred", argmax=True)])
    assert find_channels(Compose([Activationsd("pred", softmax=True)]), label) == "classes"
    assert find_channels(Compose([Activationsd("pred", sigmoid=True)]), label) == "independent"
    assert find_channels(Compose([EnsureTyped("pred")]), label) is None
    assert find_channels(Compose([]), Compose([Instances()])) == "foreground"
