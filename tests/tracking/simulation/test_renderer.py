import numpy as np
import pytest

from tracking.simulation import Renderer, peak_over_background, render


def test_a_spot_on_a_pixel_has_its_peak_there(make_options, make_tracks):
    options = make_options(snr=4)
    expected = Renderer(make_tracks((0, 0, 20, 11)), options, 0).expected(0)
    assert np.unravel_index(expected.argmax(), expected.shape) == (11, 20)
    assert expected[11, 20] == pytest.approx(10 + peak_over_background(4, 10))
    assert expected[30, 50] == 10
    # The frame after is empty.
    assert (Renderer(make_tracks((0, 0, 20, 11)), options, 0).expected(1) == 10).all()


@pytest.mark.parametrize("sigma", [0.85, 1.5])
@pytest.mark.parametrize(("x", "y"), [(30.0, 20.0), (30.5, 20.25), (29.9, 20.49)])
def test_the_second_moment_of_a_spot_is_sigma_squared_and_a_pixel(make_options, make_tracks, sigma, x, y):
    options = make_options(psf_sigma=sigma, background=0)
    light = Renderer(make_tracks((0, 0, x, y)), options, 0).expected(0)
    light /= light.sum()
    rows, columns = np.indices(light.shape)
    assert (light * rows).sum() == pytest.approx(y, abs=1e-4)
    assert (light * columns).sum() == pytest.approx(x, abs=1e-4)
    assert (light * (rows - y) ** 2).sum() == pytest.approx(sigma**2 + 1 / 12, rel=1e-4)
    assert (light * (columns - x) ** 2).sum() == pytest.approx(sigma**2 + 1 / 12, rel=1e-4)


def test_a_spot_in_three_dimensions(make_options, make_tracks):
    options = make_options(frame_shape=(20, 32, 48), background=0, psf_sigma_z=1.3)
    light = Renderer(make_tracks((0, 0, 20.25, 11.5, 9.7)), options, 0).expected(0)
    light /= light.sum()
    for axis, (centre, sigma) in enumerate([(9.7, 1.3), (11.5, 0.85), (20.25, 0.85)]):
        profile = light.sum(axis=tuple({0, 1, 2} - {axis}))
        position = np.arange(len(profile))
        assert (profile * position).sum() == pytest.approx(centre, abs=1e-3)
        assert (profile * (position - centre) ** 2).sum() == pytest.approx(sigma**2 + 1 / 12, rel=1e-3)
    on_voxel = Renderer(make_tracks((0, 0, 20, 11, 9)), make_options(frame_shape=(20, 32, 48)), 0).expected(0)
    assert on_voxel[9, 11, 20] == pytest.approx(10 + peak_over_background(4, 10))


def test_spots_add_up_and_are_cut_at_the_border(make_options, make_tracks):
    options = make_options(background=0)
    rows = [(0, 0, -0.4, 3.2), (0, 1, 63.4, 47.4), (0, 2, 1.1, 3.0), (0, 3, 500.0, 500.0), (0, 4, -3.0, 20.0)]
    together = Renderer(make_tracks(*rows), options, 0).expected(0)
    alone = sum(Renderer(make_tracks(row), options, 0).expected(0) for row in rows)
    assert together == pytest.approx(alone, abs=1e-12)
    # What the border cuts off is missing: the same spot in the middle of the field has more light.
    whole = Renderer(make_tracks((0, 0, 30.6, 23.2)), options, 0).expected(0)
    cut = Renderer(make_tracks((0, 0, -0.4, 23.2)), options, 0).expected(0)
    assert cut[:, :20] == pytest.approx(whole[:, 31:51], abs=1e-9)
    assert cut.sum() < 0.6 * whole.sum()


@pytest.mark.parametrize("shape", [(48, 64), (6, 48, 64)])
def test_any_number_of_spots_of_any_width_is_drawn(make_options, make_tracks, shape):
    # More spots, and pixels of spots, than are drawn at once: the whole is the sum of its halves.
    rng = np.random.default_rng(0)
    rows = [(0, i, *xyz) for i, xyz in enumerate(rng.uniform(0, 1, (40, len(shape))) * shape[::-1])]
    options = make_options(frame_shape=shape, background=0, psf_sigma=20.0 if len(shape) == 2 else 10.0)
    whole, even, odd = (Renderer(make_tracks(*part), options, 0).expected(0) for part in (rows, rows[::2], rows[1::2]))
    assert whole == pytest.approx(even + odd, rel=1e-9)
    assert whole.min() > 0


@pytest.mark.parametrize("snr", [1, 2, 4, 7])
@pytest.mark.parametrize("extra", [{}, {"psf_sigma": 1.1, "psf_elongation": 2.0}])
def test_the_snr_measured_at_the_peak_is_the_one_asked_for(make_options, make_tracks, snr, extra):
    # 96 spots on pixels of a grid, 40 frames: 3,840 peak pixels, moving along x by a pixel there and back.
    n_frames = 40
    grid = [(8 + 12 * i, 8 + 10 * j) for i in range(12) for j in range(8)]
    rows = [(t, i, x + t % 2, y) for t in range(n_frames) for i, (x, y) in enumerate(grid)]
    tracks, options = make_tracks(*rows), make_options(snr=snr, n_frames=n_frames, frame_shape=(88, 160), **extra)
    x, y = np.array(grid).T
    peaks, background = [], []
    for t, frame in enumerate(render(tracks, options, 1)):
        peaks.append(frame[y, x + t % 2])
        background.append(frame[:, 152:])
    peak, b = np.mean(peaks), np.mean(background)
    assert b == pytest.approx(10, abs=0.1)
    # Standard error of the mean peak: sqrt(67 / 3840) = 0.13 at most, of the deviation 1.2 percent.
    assert (peak - b) / np.sqrt(peak) == pytest.approx(snr, abs=0.09)
    assert (peak - b) / np.std(peaks) == pytest.approx(snr, abs=0.06 * snr + 0.05)


def test_an_empty_field_is_poisson(make_options, make_tracks):
    options = make_options(background=10, frame_shape=(300, 300))
    frame = Renderer(make_tracks((9, 0, 0, 0)), options, 0).frame(0)
    # 90,000 pixels: standard errors of the mean 0.0105, of the variance 10 sqrt(2 / 90,000) = 0.047.
    assert frame.mean() == pytest.approx(10, abs=0.045)
    assert frame.var() == pytest.approx(10, abs=0.25)
    assert np.corrcoef(frame[:, 1:].ravel(), frame[:, :-1].ravel())[0, 1] == pytest.approx(0, abs=0.015)


def test_the_camera_has_its_gain_offset_and_noise(make_options, make_tracks):
    camera = {"background": 20, "gain": 3.0, "offset": 100.0, "read_noise": 5.0, "bit_depth": 16}
    options = make_options(**camera, frame_shape=(300, 300))
    frame = Renderer(make_tracks((9, 0, 0, 0)), options, 0).frame(0).astype(float)
    assert frame.mean() == pytest.approx(100 + 3 * 20, abs=0.25)
    # Photons' variance times the gain squared, the camera's own, and 1/12 of rounding: 205.08, to 0.97.
    assert frame.var() == pytest.approx(9 * 20 + 25 + 1 / 12, abs=4.5)


def test_counts_are_clipped_to_the_bits(make_options, make_tracks):
    heap = make_tracks(*[(0, i, 20, 20) for i in range(20)])
    frame = Renderer(heap, make_options(snr=7, read_noise=20.0), 0).frame(0)
    assert frame.dtype == np.uint8
    assert frame[20, 20] == 255
    assert frame.min() == 0
    deep = Renderer(heap, make_options(snr=7, bit_depth=16), 0).frame(0)
    assert deep.dtype == np.uint16
    assert deep[20, 20] == pytest.approx(10 + 20 * peak_over_background(7, 10), rel=0.15)


def test_spots_bleach_and_the_background_stays(make_options, make_tracks):
    tracks = make_tracks(*[(t, 0, 20, 20) for t in range(10)])
    renderer = Renderer(tracks, make_options(bleaching=0.1), 0)
    heights = [renderer.expected(t)[20, 20] - 10 for t in range(10)]
    assert heights == pytest.approx(peak_over_background(4, 10) * 0.9 ** np.arange(10))
    assert renderer.expected(9)[40, 50] == 10


@pytest.mark.parametrize("angle", [0.0, 0.7, 2.0, 4.0])
def test_long_spots_lie_along_their_motion(make_options, make_tracks, angle):
    steps = [(t, 0, 30 + 3 * t * np.cos(angle), 24 + 3 * t * np.sin(angle)) for t in range(3)]
    options = make_options(background=0, psf_sigma=1.1, psf_elongation=2.0)
    renderer = Renderer(make_tracks(*steps), options, 0)
    rows, columns = np.indices((48, 64))
    for t, _, x, y in steps:
        light = renderer.expected(t)
        light /= light.sum()
        along = (columns - x) * np.cos(angle) + (rows - y) * np.sin(angle)
        across = (rows - y) * np.cos(angle) - (columns - x) * np.sin(angle)
        assert (light * along**2).sum() == pytest.approx(2.2**2 + 1 / 12, rel=1e-3)
        assert (light * across**2).sum() == pytest.approx(1.1**2 + 1 / 12, rel=1e-3)


def test_a_long_spot_seen_once_points_anywhere_but_always_there(make_options, make_tracks):
    options = make_options(background=0, psf_elongation=3.0)
    tracks = make_tracks((0, 0, 30, 20))
    first, again, other = (Renderer(tracks, options, seed).expected(0) for seed in (0, 0, 1))
    assert (first == again).all()
    assert np.abs(first - other).max() > 0.1


def test_the_order_of_drawing_does_not_matter(make_options, make_tracks):
    tracks = make_tracks(*[(t, i, 5.5 * i + t, 3 * i) for t in range(10) for i in range(8)])
    options = make_options(read_noise=2.0, psf_elongation=2.0)
    stream = list(render(tracks, options, 5))
    assert len(stream) == 10
    alone = Renderer(tracks, options, 5)
    for t in (7, 0, 9, 7):
        assert alone.frame(t).tobytes() == stream[t].tobytes()


def test_frames_have_noise_of_their_own(make_options, make_tracks):
    renderer = Renderer(make_tracks((9, 0, 0, 0)), make_options(), 0)
    one, two = renderer.frame(0).ravel().astype(float), renderer.frame(1).ravel().astype(float)
    other = Renderer(make_tracks((9, 0, 0, 0)), make_options(), 1).frame(0).ravel().astype(float)
    # Correlations of 3,072 independent pixels are 0 to 0.018.
    assert np.corrcoef(one, two)[0, 1] == pytest.approx(0, abs=0.08)
    assert np.corrcoef(one, other)[0, 1] == pytest.approx(0, abs=0.08)


def test_what_does_not_fit_is_refused(make_options, make_tracks):
    with pytest.raises(ValueError, match="do not fit into frames of shape"):
        Renderer(make_tracks((0, 0, 1, 1)), make_options(frame_shape=(3, 9, 9)), 0)
    for frame in (-1, 10):
        with pytest.raises(ValueError, match=f"`frame` must be from 0 to 9, got {frame}"):
            Renderer(make_tracks((0, 0, 1, 1)), make_options(), 0).frame(frame)
