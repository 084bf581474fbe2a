import logging
import warnings


def quiet_libraries() -> None:
    """Keep from the terminal what libraries say and nobody asked for, such as MONAI of codecs."""
    logging.getLogger("monai").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", message="NvImgCodecPydicomReader")
    warnings.filterwarnings("ignore", message="Converting a tensor with requires_grad=True")
