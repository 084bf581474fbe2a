# Normalisation in MONAI's way: a name, or a name and its options.
Norm = str | tuple[str, dict[str, object]]
