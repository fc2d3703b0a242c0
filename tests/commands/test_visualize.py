import logging
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

import posec3d.video.movenet
from posec3d.annotations import Annotation
from posec3d.annotations import AnnotationSet
from posec3d.annotations import save_annotations
from posec3d.checkpoints import build_model
from posec3d.checkpoints import read_checkpoint
from posec3d.checkpoints import save_checkpoint
from posec3d.cli import main
from posec3d.commands.visualize import visualize
from posec3d.experiment import Clips
from posec3d.experiment import Heatmaps
from posec3d.experiment import ModelCard
from posec3d.experiment import Network
from posec3d.pose_files import annotation_files
from posec3d.pose_files.contents import FileVideo
from posec3d.skeletons import get_skeleton
from posec3d.video.frames import open_frames
from posec3d.video.scene import film
from posec3d.video.writing import VideoWriter

NUM_FRAMES = 12
BLUE = (86, 180, 233)


class KnowsBetter:
    """Sees the figure of a film where it truly is."""

    skeleton = get_skeleton("coco17")

    def __init__(self, keypoints):
        self._keypoints = keypoints

    def start(self):
        self._next = iter(self._keypoints[0])

    def estimate(self, picture):
        return next(self._next)[None], np.full((1, 17), 0.8, np.float32)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def clip(here, monkeypatch):
    pictures, keypoints = film("wave", rng=np.random.RandomState(0), num_frames=NUM_FRAMES, size=(120, 160))
    with VideoWriter(here / "clip.mp4", frames_per_second=10.0) as writer:
        for picture in pictures:
            writer.write(picture)
    monkeypatch.setattr(posec3d.video.movenet, "MoveNet", lambda: KnowsBetter(keypoints))
    return "clip.mp4"


@pytest.fixture
def model(here):
    """An untrained network of three classes."""
    card = ModelCard(
        heatmaps=Heatmaps(),
        network=Network(base_channels=4, stage_blocks=(1, 1)),
        clips=Clips(length=8, test_canvas=16),
        num_classes=3,
        classes=("Squat", "walk", "wave"),
    )
    torch.manual_seed(0)
    network = build_model(card)
    torch.nn.init.normal_(network.cls_head.fc_cls.weight)
    save_checkpoint(here / "model.safetensors", network.state_dict(), card)
    return "model.safetensors"


def frames_of(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.mark.parametrize("suffix", [".mp4", ".gif", ".png"])
@pytest.mark.parametrize("what", ["pose", "keypoints", "limbs", "motion", "all"])
def test_each_figure_of_a_video_is_written_and_said(clip, here, caplog, monkeypatch, what, suffix):
    monkeypatch.setattr(logging.getLogger("posec3d"), "propagate", True)
    with caplog.at_level("INFO"):
        visualize(clip, what=what, out=Path(f"folder/drawn{suffix}"))

    assert (here / "folder" / f"drawn{suffix}").stat().st_size > 1000
    assert f"written: folder/drawn{suffix}" in caplog.text


def test_options_reach_the_figures(clip, here):
    visualize(clip, what="pose", black=True, frames=5, out=here / "drawn.mp4")
    visualize(clip, what="keypoints", size=100, sigma=3.0, out=here / "drawn.png")

    drawn = frames_of(here / "drawn.mp4")
    assert len(drawn) == 5
    assert (drawn[0][66:460, 8:-8].max(-1) < 20).mean() > 0.7
    # Six panels of 600 pixels in rows of three, more of them bright where spread is large.
    sheet = np.array(Image.open(here / "drawn.png"))
    assert sheet.shape == (36 + 2 * (600 + 30) + 30 + 8 + 8, 8 + 3 * 608, 3)
    assert (sheet[66:660].max(-1) > 100).mean() > 0.03


def test_of_a_pose_file_the_first_video_is_drawn_unless_one_is_named(made_up, here, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("posec3d"), "propagate", True)
    with caplog.at_level("INFO"):
        visualize(str(made_up), what="limbs")
        visualize(str(made_up), what="limbs", video="walk_000004")

    assert sorted(path.name for path in here.glob("*.mp4")) == ["squat_000000-limbs.mp4", "walk_000004-limbs.mp4"]
    assert "30 videos; draws the first, --video squat_000000" in caplog.text
    assert "written: walk_000004-limbs.mp4" in caplog.text


def test_of_a_pose_file_no_other_video_is_read_than_the_one_drawn(made_up, here, monkeypatch):
    read = []
    monkeypatch.setattr(
        annotation_files, "_video", lambda video, _names: read.append(video.video) or FileVideo("a", {})
    )

    with pytest.raises(ValueError, match="nobody is in it"):
        visualize(str(made_up), what="pose", video="walk_000004")

    assert read == ["walk_000004"]


def test_a_single_picture_gives_a_picture(clip, here):
    Image.fromarray(frames_of(here / clip)[0]).save(here / "one (1).png")

    visualize("one (1).png")

    # One moment: the panels stand side by side, 13 pixels for each of 56.
    assert Image.open(here / "one_1-all.png").size == (8 + 3 * 736, 36 + 30 + 728 + 8)


@pytest.mark.parametrize("suffix", [".mp4", ".gif", ".png"])
def test_a_decision_is_drawn_and_told(clip, here, model, suffix, capsys):
    visualize(clip, what="decision", model=(model,), out=here / f"why{suffix}")
    first = capsys.readouterr().out
    visualize(clip, what="decision", model=(model,), action="squat", out=here / f"squat{suffix}")

    assert first.startswith("clip.mp4: ")
    assert "%), for which spoke " in first
    assert capsys.readouterr().out.startswith("clip.mp4: Squat (")
    if suffix != ".png":
        # The network looks at eight frames.
        assert len(frames_of(here / f"why{suffix}")) == 8


@pytest.mark.parametrize("label", [0, 1, 2])
def test_a_decision_of_several_models_is_what_they_say_together(clip, here, model, label, capsys):
    weights, card = read_checkpoint(here / model)
    weights["cls_head.fc_cls.bias"][label] += 20
    save_checkpoint(here / "sure.safetensors", weights, card)

    for models in ((model, "sure.safetensors"), ("sure.safetensors", model)):
        words = [word for name in models for word in ("--model", name)]
        assert main(["visualize", clip, "--what", "decision", *words, "--out", "two.png"]) == 0
        said = capsys.readouterr().out
        assert said.startswith(f"clip.mp4: {card.class_name(label)} (")
        assert said.endswith(", as slowonly on keypoint heatmaps sees it\n")


def test_a_decision_is_drawn_on_the_frames_that_the_network_saw(clip, here, model):
    visualize(clip, what="decision", model=(model,), out=here / "seen.png")
    visualize(clip, what="decision", model=(model,), black=True, out=here / "black.png")

    seen, black = (np.array(Image.open(here / f"{name}.png"))[40:280, 10:250] for name in ("seen", "black"))
    assert np.median(seen.max(-1)) > 50
    assert np.median(black.max(-1)) == 0


def test_poses_of_another_skeleton_are_mapped_for_a_decision_and_drawn_as_they_are(here, model, capsys):
    rng = np.random.RandomState(0)
    keypoints = rng.uniform(10, 90, (1, 10, 13, 2)).astype(np.float32)
    save_annotations(here / "penn.pkl", AnnotationSet((Annotation("penn", None, (100, 100), keypoints, None),)))

    visualize("penn.pkl", what="decision", model=(model,), out=here / "why.png")
    visualize("penn.pkl", what="all", out=here / "all.png")

    assert "penn: " in capsys.readouterr().out
    assert Image.open(here / "all.png").size[1] > 3 * 224


def posed(here, name="clip", *, names=None, seen=True):
    keypoints = (
        np.full((1, 4, 3 if names else 17, 2), 50, np.float32) + np.arange(4, dtype=np.float32)[:, None, None] * 9
    )
    scores = np.full(keypoints.shape[:-1], float(seen), np.float32)
    annotation = Annotation(name, None, (100, 100), keypoints, scores)
    save_annotations(here / f"{name}.pkl", AnnotationSet((annotation,), keypoint_names=names))
    return f"{name}.pkl"


def test_nobody_is_an_error(here):
    with pytest.raises(ValueError, match="empty: nobody is found in any of 4 frames"):
        visualize(posed(here, "empty", seen=False))


def test_without_limbs_there_is_no_figure_of_limbs(here, caplog):
    bare = posed(here, "bare", names=("tip", "middle", "tail"))

    with pytest.raises(ValueError, match=r"bare: skeleton .* has no limbs; draw --what keypoints"):
        visualize(bare, what="limbs")

    (here / "rod.json").write_text('{"keypoints": ["tip", "middle", "tail"], "limbs": [[0, 1], [1, 2]]}')
    visualize(bare, what="limbs", skeleton="rod.json", out=here / "limbs.png")
    assert np.asarray(Image.open(here / "limbs.png").convert("L"))[60:].max() > 100

    assert "nothing is drawn of limbs" not in caplog.text
    (here / "cut.csv").write_text("frame,person,keypoint,x,y,score\n0,0,0,10,10,1\n0,0,1,50,50,0\n0,0,2,60,90,1\n")
    visualize("cut.csv", what="limbs", skeleton="rod.json", canvas=(100, 100), out=here / "black.png")
    assert "cut: in no frame are both ends of a limb seen, so nothing is drawn of limbs" in caplog.text

    visualize(bare, out=here / "two.png")
    # Two rows of the four frames there are.
    assert Image.open(here / "two.png").size == (8 + 4 * 456, 36 + 2 * (30 + 448) + 30 + 8)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"out": "drawn.avi"}, r"--out drawn.avi: end it in .mp4, .gif or .png"),
        ({"video": "sqat_000012"}, "no video 'sqat_000012'; did you mean 'squat_000012'?"),
        ({"video": "zzz"}, r"no video 'zzz'; there are squat_000000, walk_000001, .* and 18 more"),
        ({"frames": 0}, "--frames 0: take at least 1"),
        ({"size": 4}, "--size 4: take at least 8 pixels"),
        ({"sigma": 0.0}, "--sigma 0: take more than 0"),
        (
            {"what": "pose", "size": 40},
            "--size changes nothing in --what pose; it goes with --what keypoints, limbs, motion, all",
        ),
        ({"what": "limbs", "black": True}, "--black changes nothing in --what limbs"),
        ({"action": "wave"}, "--action changes nothing in --what all; it goes with --what decision"),
        ({"what": "decision", "frames": 48}, "--frames changes nothing in --what decision"),
        (
            {"what": "decision", "model": ("model.safetensors",), "action": "wav"},
            "no action 'wav'; did you mean 'wave'?",
        ),
        (
            {"what": "decision", "model": ("model.safetensors",), "action": "fly"},
            "no action 'fly'; there are Squat, walk, wave",
        ),
    ],
)
def test_what_cannot_be_drawn_is_said(made_up, here, model, options, complaint):
    if "out" in options:
        options = options | {"out": Path(options["out"])}

    with pytest.raises(ValueError, match=complaint.replace("?", r"\?")):
        visualize(str(made_up), **options)

    assert not list(here.glob("*.mp4"))


def test_the_source_is_never_overwritten(clip, here):
    before = (here / clip).read_bytes()

    with pytest.raises(ValueError, match="is the source itself"):
        visualize(clip, out=here / clip)

    assert (here / clip).read_bytes() == before


def test_several_videos_and_names_of_videos_are_refused(clip, here):
    (here / "other.mp4").write_bytes((here / clip).read_bytes())

    with pytest.raises(ValueError, match=r"2 videos; draw one at a time, such as .*clip.mp4"):
        visualize(str(here))
    with pytest.raises(ValueError, match=r"--video 1 picks one of the videos of a pose file; clip.mp4 is none"):
        visualize(clip, video="1")


def test_the_command_line_says_so_in_one_sentence(run, made_up):
    run("posec3d", "visualize", made_up, "--what", "keypoints", "--out", "drawn.png")
    refused = run("posec3d", "visualize", made_up, "--video", "squat_00000", status=2)

    assert refused.stderr.startswith("posec3d: ")
    assert refused.stderr.count("\n") == 1


def test_real_videos_can_be_drawn(shared, here):
    video = min((shared / "data" / "jhmdb_videos" / "golf").iterdir())

    visualize(str(video), out=here / "golf.png")

    drawn = np.array(Image.open(here / "golf.png"))
    assert drawn.shape == (36 + 3 * (30 + 280) + 30 + 8, 8 + 6 * 288, 3)
    assert all((drawn[66 + 310 * row : 346 + 310 * row].max((1, 2)) > 150).sum() > 50 for row in range(3))


def test_coordinates_as_shares_are_drawn_on_the_canvas_that_is_given(here):
    points = "".join(f"{frame},{number},0.5,0.25\n" for frame in range(3) for number in range(17))
    (here / "shares.csv").write_text(f"frame,keypoint,x,y\n{points}")

    with pytest.raises(ValueError, match="give its canvas"):
        visualize("shares.csv", what="pose", out=here / "pose.mp4")
    visualize("shares.csv", what="pose", canvas=(120, 200), out=here / "pose.mp4")

    with open_frames(here / "pose.mp4") as drawn:
        assert len([*drawn]) == 3


@pytest.mark.parametrize("source", ["frames", "frames/*.png"])
def test_a_picture_of_the_source_is_not_written_over(here, source):
    (here / "frames").mkdir()
    for number in range(3):
        Image.new("RGB", (64, 48), (40 * number, 0, 0)).save(here / f"frames/{number}.png")
    kept = (here / "frames/0.png").read_bytes()

    with pytest.raises(ValueError, match="would be taken for a file of the source"):
        visualize(source, what="pose", out=Path("frames/0.png"))

    assert (here / "frames/0.png").read_bytes() == kept
