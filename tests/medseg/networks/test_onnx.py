import numpy as np
import onnxruntime
import pytest
import torch

SIDES = {2: (32, 48), 3: (32, 48, 32)}


@pytest.mark.slow
@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_onnx_says_the_same_of_a_batch_of_any_size(build, spatial_dims, tmp_path):
    torch.manual_seed(0)
    network = build(spatial_dims, 2, 3).eval()
    for name, weight in network.named_parameters():
        # Those that begin at zero would hide all that comes before them.
        if "score" in name:
            torch.nn.init.normal_(weight)
    example = torch.randn(1, 2, *SIDES[spatial_dims])
    program = torch.onnx.export(
        network,
        (example,),
        dynamo=True,
        verbose=False,
        input_names=["image"],
        output_names=["logits"],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
    )
    program.save(tmp_path / "network.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "network.onnx", providers=["CPUExecutionProvider"])
    for batch in (1, 3):
        image = torch.randn(batch, 2, *SIDES[spatial_dims])
        with torch.inference_mode():
            expected = network(image).numpy()
        (logits,) = session.run(None, {"image": image.numpy()})
        # In proportion to the largest: untrained networks give logits of any size.
        np.testing.assert_allclose(logits, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())
