import io
import math
import re
import sys
from dataclasses import replace
from importlib.resources import files
from itertools import pairwise

import numpy as np
import pytest
import torch

import posec3d
from posec3d.checkpoints import read_checkpoint
from posec3d.checkpoints import save_checkpoint
from posec3d.evaluation.scoring import score_videos
from posec3d.evaluation.scoring import views_loader
from posec3d.experiment import Clips
from posec3d.experiment import Heatmaps
from posec3d.experiment import Network
from posec3d.mapping import map_keypoints
from posec3d.people import UNKNOWN
from posec3d.people import PeopleInFrame
from posec3d.people import PosedVideo
from posec3d.skeletons import get_skeleton
from posec3d.synthetic import make_annotations
from posec3d.video.extraction import annotation_of
from posec3d.video.extraction import scene_of


@pytest.fixture(scope="module")
def videos():
    return make_annotations(6, seed=3).annotations


def test_a_video_gets_a_probability_for_each_class(recognizer, videos):
    (segment,) = recognizer.recognize(videos[0])

    assert segment.video == videos[0].video
    assert (segment.start_seconds, segment.people) == (0, None)
    assert segment.end_seconds == pytest.approx(videos[0].num_frames / 30)
    assert segment.probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert [share for _, share in segment.top(3)] == sorted(segment.probabilities, reverse=True)
    assert segment.action == segment.top(1)[0][0]
    assert f"everybody: {segment.action} " in str(segment)


def test_an_annotation_gets_the_scores_of_posec3d_test(recognizer, videos):
    batches = views_loader(recognizer.card, videos[:2], num_clips=2, mirrored=True)
    expected = score_videos(recognizer.model, recognizer.card, batches)

    found = [segment.probabilities for segment in recognizer.recognize_all(videos[:2])]

    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_guesses_of_an_annotation_count_as_in_posec3d_test(recognizer, videos):
    keypoints, scores = videos[0].keypoints.copy(), videos[0].scores.copy()
    keypoints[0, :, 9], scores[0, :, 9] = 1.0, 0.0
    guessed = replace(videos[0], keypoints=keypoints[:1], scores=scores[:1] * (np.arange(len(scores[0])) > 5)[:, None])
    batches = views_loader(recognizer.card, [guessed], num_clips=2, mirrored=True)
    expected = score_videos(recognizer.model, recognizer.card, batches)

    np.testing.assert_allclose(recognizer.recognize(guessed)[0].probabilities, expected[0], atol=1e-6)


def test_poses_are_recognised_like_the_annotation_they_come_from(recognizer, videos):
    (of_poses,), (of_annotation,) = recognizer.recognize(videos[1].poses()), recognizer.recognize(videos[1])

    np.testing.assert_allclose(of_poses.probabilities, of_annotation.probabilities, atol=1e-6)


def test_a_pose_file_of_another_skeleton_is_mapped(recognizer, tmp_path, videos):
    keypoints = np.concatenate([videos[0].keypoints[0], videos[0].keypoints[0][:, 5:6]], axis=1)
    np.savez(tmp_path / "poses.npz", keypoints=keypoints, canvas=np.array(videos[0].canvas))

    (segment,) = recognizer.recognize(tmp_path / "poses.npz")

    assert segment.probabilities.shape == (3,)


def test_everyone_gets_a_segment_over_the_time_they_are_there(recognizer):
    rng = np.random.RandomState(0)
    frames = [_frame(time, {1: 100.0, **({4: 400.0} if 20 <= time < 50 else {})}, rng) for time in range(60)]
    video = PosedVideo("two", (480, 640), get_skeleton("coco17"), 30.0, frames)

    one, four = recognizer.recognize(video, people="each")

    assert (one.people, one.start_seconds, one.end_seconds) == ((1,), 0, pytest.approx(2))
    assert (four.people, four.start_seconds, four.end_seconds) == ((4,), pytest.approx(20 / 30), pytest.approx(50 / 30))
    alone = PosedVideo("one", video.canvas, video.skeleton, 30.0, [_only(frame, 4) for frame in frames[20:50]])
    np.testing.assert_allclose(four.probabilities, recognizer.recognize(alone)[0].probabilities, atol=1e-6)


@pytest.mark.parametrize(
    ("distance", "expected"),
    [
        (120.0, [(1, 2)]),  # their boxes are half a person's height apart
        (400.0, []),  # far
    ],
)
def test_pairs_are_two_people_who_are_near(recognizer, distance, expected):
    rng = np.random.RandomState(0)
    both = {1: 100.0, 2: 100.0 + distance}
    frames = [_frame(time, both if time < 20 else {1: 100.0}, rng) for time in range(30)]
    video = PosedVideo("two", (480, 640), get_skeleton("coco17"), 30.0, frames)

    assert [segment.people for segment in recognizer.recognize(video, people="pairs")] == expected
    assert all(segment.end_seconds == pytest.approx(20 / 30) for segment in recognizer.recognize(video, people="pairs"))
    timeline = recognizer.recognize(video, people="pairs", window=0.5)
    assert list(dict.fromkeys(segment.people for segment in timeline)) == expected


def test_two_people_who_are_together_for_a_small_part_of_a_video_are_a_pair_of_that_part(recognizer):
    rng = np.random.RandomState(0)
    frames = [_frame(time, {1: 100.0, 2: 180.0} if 40 <= time < 60 else {1: 100.0}, rng) for time in range(200)]
    video = PosedVideo("two", (480, 640), get_skeleton("coco17"), 30.0, frames)

    (segment,) = recognizer.recognize(video, people="pairs")

    assert segment.people == (1, 2)
    assert (segment.start_seconds, segment.end_seconds) == (pytest.approx(40 / 30), pytest.approx(60 / 30))
    part = PosedVideo("part", video.canvas, video.skeleton, 30.0, frames[40:60])
    np.testing.assert_allclose(segment.probabilities, recognizer.recognize(part)[0].probabilities, atol=1e-6)


def test_a_timeline_covers_the_video_without_gaps(recognizer):
    rng = np.random.RandomState(0)
    frames = [_frame(time, {1: 100.0}, rng) for time in range(100)]
    video = PosedVideo("long", (480, 640), get_skeleton("coco17"), 30.0, frames)

    segments = recognizer.recognize(video, window=1.0, stride=0.25)

    assert segments[0].start_seconds == 0
    assert segments[-1].end_seconds == pytest.approx(100 / 30)
    for before, after in pairwise(segments):
        assert before.end_seconds == pytest.approx(after.start_seconds)
        assert before.action != after.action


def test_no_answer_of_a_timeline_is_shorter_than_asked(recognizer, monkeypatch):
    rng = np.random.RandomState(0)
    frames = [_frame(time, {1: 100.0}, rng) for time in range(200)]
    video = PosedVideo("long", (480, 640), get_skeleton("coco17"), 30.0, frames)
    windows = np.random.RandomState(1)
    said = lambda videos, **_: windows.dirichlet((0.1, 0.1, 0.1), len(videos)).astype(np.float32)  # noqa: E731
    monkeypatch.setattr(recognizer, "probabilities", said)

    lengths = {}
    for shortest in (0.0, 1.0):
        windows.seed(1)
        segments = recognizer.recognize(video, window=0.5, shortest=shortest)
        assert [segments[0].start_seconds, segments[-1].end_seconds] == [0.0, pytest.approx(200 / 30)]
        lengths[shortest] = min(one.end_seconds - one.start_seconds for one in segments)

    assert lengths[0.0] < 1.0 <= lengths[1.0] + 1e-6
    for wrong in (-1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match="shortest="):
            recognizer.recognize(video, window=0.5, shortest=wrong)


def test_a_long_timeline_says_how_far_it_is(recognizer, caplog, monkeypatch):
    monkeypatch.setattr("posec3d.runtime.progress._SECONDS_BETWEEN_LINES", 0.0)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    caplog.set_level("INFO")
    rng = np.random.RandomState(0)
    frames = [_frame(time, {1: 100.0}, rng) for time in range(100)]

    recognizer.recognize(PosedVideo("long", (480, 640), get_skeleton("coco17"), 30.0, frames), window=1.0, stride=0.25)

    lines = [record.getMessage() for record in caplog.records if "recognising long" in record.getMessage()]
    assert re.fullmatch(r"recognising long: (\d+) of \1 windows, 00:00 left", lines[-1])


def test_windows_shorter_than_a_frame_are_refused(recognizer):
    frames = [_frame(time, {1: 100.0}, np.random.RandomState(0)) for time in range(5)]
    video = PosedVideo("short.mp4", (480, 640), get_skeleton("coco17"), 30.0, frames)

    with pytest.raises(ValueError, match=r"window=0\.03: one frame of short\.mp4 lasts 0\.0333 s; look at some frames"):
        recognizer.recognize(video, window=0.03)
    assert recognizer.recognize(video, window=0.04)


def test_below_the_threshold_the_answer_is_unsure(recognizer, videos):
    (segment,) = recognizer.recognize(videos[0], threshold=0.99)

    assert segment.action == "unsure"
    assert segment.top(1)[0][0] in segment.classes


def test_several_models_answer_with_the_mean_of_their_probabilities(save_untrained, checkpoint, videos):
    limbs = save_untrained("limb.safetensors", heatmaps=Heatmaps(kind="limb"), clips=Clips(length=6, test_canvas=20))
    alone = [posec3d.ActionRecognizer.load(path).recognize(videos[0])[0].probabilities for path in (checkpoint, limbs)]

    (together,) = posec3d.ActionRecognizer.load([checkpoint, limbs]).recognize(videos[0])

    assert not np.allclose(alone[0], alone[1], atol=1e-5)
    np.testing.assert_allclose(together.probabilities, (alone[0] + alone[1]) / 2, atol=1e-6)


def test_models_of_different_skeletons_see_the_same_people(save_untrained, checkpoint, videos):
    penn = get_skeleton("penn13")
    other = save_untrained("penn.safetensors", heatmaps=Heatmaps(skeleton=penn))
    keypoints, scores = map_keypoints(videos[0].keypoints, videos[0].scores, get_skeleton("coco17"), penn)
    (first,) = posec3d.ActionRecognizer.load(checkpoint).recognize(videos[0])
    (second,) = posec3d.ActionRecognizer.load(other).recognize(replace(videos[0], keypoints=keypoints, scores=scores))

    (together,) = posec3d.ActionRecognizer.load([checkpoint, other]).recognize(videos[0])

    np.testing.assert_allclose(together.probabilities, (first.probabilities + second.probabilities) / 2, atol=1e-6)


def test_who_comes_and_goes_takes_no_memory_but_is_seen(recognizer):
    rng = np.random.RandomState(0)
    people = [{1: 100.0, 2 + time // 5: 300.0, **({99: 500.0} if time == 50 else {})} for time in range(100)]
    video = PosedVideo(
        "crowd", (480, 640), get_skeleton("coco17"), 30.0, [_frame(*of, rng) for of in enumerate(people)]
    )

    (segment,) = recognizer.recognize(video)

    # A row for each of 21 people, and none for who is there in one frame.
    (expected,) = recognizer.recognize_all([annotation_of(video)])
    np.testing.assert_array_equal(segment.probabilities, expected.probabilities)
    assert scene_of(video).keypoints.shape[0] == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"heatmaps": Heatmaps(kind="motion")},
        {"network": Network(backbone="rocket"), "clips": Clips(length=16, crop_to="seen", test_clips=1)},
        {"clips": Clips(length=8, test_canvas=16, test_clips=1, most_people=1)},
    ],
)
def test_nobody_moves_because_another_takes_their_row(save_untrained, changes):
    recognizer = posec3d.ActionRecognizer.load(save_untrained("follows.safetensors", **changes))
    rng = np.random.RandomState(0)
    frames = [_frame(time, {time // 2: 100.0 + 300 * (time // 2 % 2)}, rng) for time in range(16)]
    video = PosedVideo("crowd", (480, 640), get_skeleton("coco17"), 30.0, frames)

    (segment,) = recognizer.recognize(video)

    (expected,) = recognizer.recognize_all([annotation_of(video)])
    np.testing.assert_array_equal(segment.probabilities, expected.probabilities)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": ("walk", "squat", "wave")}, "class 0 of model 2 is 'walk', of the first 'squat'; answers"),
        ({"classes": None, "num_classes": 4}, "model 2 knows 4 classes, the first 3"),
        (
            {"heatmaps": Heatmaps(skeleton=get_skeleton("openpose25"))},
            "model 2 cannot be averaged with the first, .*: poses of skeleton 'coco17' lack .*left_big_toe.* go first",
        ),
    ],
)
def test_models_that_cannot_be_averaged_are_refused(save_untrained, checkpoint, changes, message):
    with pytest.raises(ValueError, match=message):
        posec3d.ActionRecognizer.load([checkpoint, save_untrained("other.safetensors", **changes)])


def test_the_surest_of_several_models_explains_what_all_say_together(save_untrained, checkpoint, videos):
    alone = posec3d.ActionRecognizer.load(checkpoint)
    own = int(alone.probabilities([videos[0]]).argmax())
    other = save_untrained("other.safetensors")
    weights, card = read_checkpoint(other)
    label = (own + 1) % 3
    weights["cls_head.fc_cls.bias"][label] += 5
    save_checkpoint(other, weights, card)
    together, surest = (posec3d.ActionRecognizer.load(models) for models in ([checkpoint, other], other))

    explained = together.explain(videos[0])

    (probabilities,) = together.probabilities([videos[0]])
    assert (explained.label, explained.probability) == (label, pytest.approx(probabilities[label]))
    np.testing.assert_array_equal(explained.importance, surest.explain(videos[0], label).importance)
    assert not np.allclose(explained.importance, alone.explain(videos[0], label).importance)
    assert "on keypoint heatmaps" in explained.network


def test_a_video_of_none_of_the_keypoints_that_are_known_is_refused(recognizer):
    body = get_skeleton("openpose25")
    scores = np.zeros((1, 25), np.float32)
    scores[:, [place for place, name in enumerate(body.keypoints) if "toe" in name or "heel" in name]] = 0.9
    keypoints = np.random.default_rng(0).uniform(10, 90, (1, 25, 2)).astype(np.float32)
    frames = [PeopleInFrame(time / 30, keypoints, scores, np.array([0])) for time in range(5)]

    with pytest.raises(ValueError, match="feet: no keypoint that is seen in it is one of skeleton 'coco17': nose"):
        recognizer.recognize(PosedVideo("feet", (100, 100), body, 30.0, frames))


def test_a_video_of_nobody_is_refused(recognizer):
    frames = [_frame(time, {}, np.random.RandomState(0)) for time in range(5)]
    video = PosedVideo("empty.mp4", (480, 640), get_skeleton("coco17"), 30.0, frames)

    with pytest.raises(
        ValueError, match=r"empty\.mp4: nobody is found in any of 5 frames; a video has to show.*, and poses need"
    ):
        recognizer.recognize(video)


@pytest.mark.parametrize("identity", [UNKNOWN, 1])
@pytest.mark.parametrize("window", [None, 0.5])
def test_a_keypoint_that_is_not_a_number_is_missing(recognizer, identity, window):
    frames = [_frame(time, {identity: 100.0}, np.random.RandomState(time)) for time in range(20)]
    strange, missing = ([_with_nose(frame, *nose) for frame in frames] for nose in ((np.nan, 0.9), (0.0, 0.0)))

    of_strange, of_missing = (
        recognizer.recognize(PosedVideo("one", (480, 640), get_skeleton("coco17"), 30.0, frames), window=window)
        for frames in (strange, missing)
    )

    assert [str(segment) for segment in of_strange] == [str(segment) for segment in of_missing]
    for one, other in zip(of_strange, of_missing, strict=True):
        np.testing.assert_array_equal(one.probabilities, other.probabilities)


@pytest.mark.parametrize(("place", "score"), [(np.nan, 1.0), (1.0, np.nan), (np.inf, 1.0)])
def test_poses_of_which_nothing_is_a_number_show_nobody(recognizer, place, score):
    poses = posec3d.Poses(
        np.full((1, 10, 17, 2), place, np.float32), np.full((1, 10, 17), score, np.float32), (240, 320)
    )

    with pytest.raises(ValueError, match="nobody is found in any of 10 frames"):
        recognizer.recognize(poses)


def test_another_skeleton_is_refused_with_the_names_of_the_right_one(recognizer):
    poses = posec3d.Poses(np.ones((1, 9, 12, 2), np.float32), np.ones((1, 9, 12), np.float32), (20, 20))

    with pytest.raises(ValueError, match="has 12 keypoints, but the network was trained on 'coco17' with 17: nose"):
        recognizer.recognize(poses)


def test_a_model_that_is_neither_file_nor_published_gets_a_near_name():
    with pytest.raises(FileNotFoundError, match=r"no model 'ntu60-keypont': .* did you mean 'ntu60-keypoint'"):
        posec3d.ActionRecognizer.load("ntu60-keypont")


@pytest.mark.parametrize("runtime", [None, "openvino"])
def test_without_a_name_both_models_of_the_package_answer(videos, runtime):
    alone = [
        posec3d.ActionRecognizer.load(name).recognize(videos[0])[0].probabilities
        for name in ("packaged", "packaged-coordinates")
    ]

    (segment,) = posec3d.ActionRecognizer.load(runtime=runtime).recognize(videos[0])

    assert len(segment.classes) == 33
    assert not np.allclose(alone[0], alone[1], atol=1e-2)
    np.testing.assert_allclose(segment.probabilities, (alone[0] + alone[1]) / 2, atol=1e-4)


def test_it_tells_what_it_is():
    told = "ActionRecognizer(c3d on keypoint heatmaps + rocket on coordinates: penn13 to 33 classes, on cpu)"
    assert repr(posec3d.ActionRecognizer.load()) == told


def test_the_models_of_the_package_are_small():
    weights = list((files("posec3d") / "weights").iterdir())

    assert len(weights) == 2
    assert sum(len(one.read_bytes()) for one in weights) < 10e6


def test_the_package_has_what_it_names():
    assert all(getattr(posec3d, name) is not None for name in posec3d.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Recogniser'"):
        _ = posec3d.Recogniser


def _frame(time, places, rng):
    """People 200 pixels high and 60 wide at these columns, by id, moving a little."""
    shape = np.random.RandomState(1).uniform([0, 100], [60, 300], (17, 2))
    keypoints = [shape + np.array([column, 0]) + rng.normal(0, 3, (17, 2)) for column in places.values()]
    return PeopleInFrame(
        time / 30,
        np.array(keypoints, np.float32).reshape(-1, 17, 2),
        np.full((len(places), 17), 0.9, np.float32),
        np.array(list(places), np.int64),
    )


def _with_nose(frame, place, score):
    keypoints, scores = frame.keypoints.copy(), frame.scores.copy()
    keypoints[:, 0], scores[:, 0] = place, score
    return replace(frame, keypoints=keypoints, scores=scores)


def _only(frame, identity):
    kept = frame.ids == identity
    return PeopleInFrame(frame.seconds, frame.keypoints[kept], frame.scores[kept], frame.ids[kept])


def test_who_and_how_sure_are_checked(recognizer, videos):
    with pytest.raises(ValueError, match="threshold=5: a probability lies between 0 and 1"):
        recognizer.recognize(videos[0], threshold=5.0)


def test_a_folder_of_several_videos_is_recognised_one_by_one(recognizer, tmp_path):
    for name in ("one.mp4", "two.mp4"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(ValueError, match=r"holds 2 videos; recognise one after the other, such as .*one\.mp4"):
        recognizer.recognize(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"keypoints": np.ones((1, 5, 12, 2), np.float32), "scores": None}, "has 12 keypoints, but the network was"),
        ({"keypoints": np.ones((1, 0, 17, 2), np.float32), "scores": None}, "has no frames; leave it out"),
        ({"canvas": (0, 0)}, r"is on a canvas \(0, 0\); give \(height, width\) in pixels"),
    ],
)
def test_poses_that_do_not_fit_are_refused(recognizer, videos, changes, message):
    with pytest.raises(ValueError, match=message):
        recognizer.probabilities([replace(videos[0], **changes)])


def test_what_may_be_recognised_may_be_explained_and_a_class_has_a_name(videos, tmp_path):
    recognizer = posec3d.ActionRecognizer.load()  # of another skeleton than the videos
    annotation = videos[0]
    poses = annotation.poses()
    np.savez(tmp_path / "one.npz", keypoints=poses.keypoints, scores=poses.scores, canvas=poses.canvas)

    by_name = recognizer.explain(annotation, "squat")
    assert by_name.label == recognizer.classes.index("squat")
    for source in (poses, tmp_path / "one.npz"):
        assert recognizer.explain(source, "squat").probability == pytest.approx(by_name.probability, abs=1e-6)
    likeliest = recognizer.recognize(annotation)[0]
    assert recognizer.classes[recognizer.explain(annotation).label] == likeliest.action
    with pytest.raises(ValueError, match="the model knows no action 'sqaut'; did you mean 'squat'"):
        recognizer.explain(annotation, "sqaut")


def test_probabilities_are_of_videos_of_other_skeletons_as_well(videos):
    recognizer = posec3d.ActionRecognizer.load()
    found = recognizer.probabilities([videos[0]])[0]
    np.testing.assert_allclose(found, recognizer.recognize(videos[0])[0].probabilities, atol=1e-6)


def test_what_cannot_be_loaded_or_read_is_one_sentence(untyped):
    mistakes = {
        "ActionRecognizer.load(device='gpu')": "ValueError: device='gpu': take auto, cpu, cuda, cuda:1",
        "ActionRecognizer.load(device='mps')": "ValueError: --device mps: PyTorch finds no Apple GPU here; use",
        "ActionRecognizer.load(runtime='tensorrt')": "ValueError: runtime='tensorrt': take one of onnx, openvino",
        "ActionRecognizer.load(precision='fp16')": "ValueError: precision='fp16': take one of fp32, bf16",
        "ActionRecognizer.load(precision='bf16')": "ValueError: --precision bf16: goes with --runtime openvino",
        "ActionRecognizer.load().recognize([[1.0]])": "TypeError: list: give the path of a video or pose file, Annot",
        "ActionRecognizer.load('')": "ValueError: model='': give a checkpoint, a work directory or a published name",
        "ActionRecognizer.load().recognize('')": "ValueError: an empty path: give the path of a video or pose file",
        "list(ActionRecognizer.load().recognize_all('a.mp4'))": "TypeError: str: give a list of videos; recog",
        "ActionRecognizer.load().recognize('a.mp4', people='everyone')": "ValueError: people='everyone': take one of",
        "StreamingRecognizer(ActionRecognizer.load(), canvas=(9, 9), people='Each')": "ValueError: people='Each': take",
        "StreamingRecognizer(ActionRecognizer.load(), canvas=(9, 9), threshold=30)": "ValueError: threshold=30: a prob",
        "StreamingRecognizer(ActionRecognizer.load(), canvas=(9, 9), skeleton='coco18')": "unknown skeleton 'coco18'",
    }
    for said, expected in zip(untyped("from posec3d import *", *mistakes), mistakes.values(), strict=True):
        assert expected in said


def test_a_model_goes_where_it_is_told(checkpoint):
    assert posec3d.ActionRecognizer.load(checkpoint, device="cpu:0").device == torch.device("cpu:0")
    assert posec3d.ActionRecognizer.load(checkpoint, device="auto").device.type in ("cpu", "cuda", "mps")


@pytest.mark.parametrize("option", ["stride", "shortest"])
def test_options_of_windows_need_a_window(recognizer, videos, option):
    with pytest.raises(ValueError, match=f"{option}=1: needs window"):
        recognizer.recognize(videos[0], **{option: 1.0})


def test_shares_of_the_picture_are_no_pixels_and_scores_no_percent(recognizer, videos, caplog):
    poses = videos[0].poses()
    height, width = poses.canvas
    with pytest.raises(ValueError, match=r"poses: coordinates are .* at most; give pixels of the canvas, not shares"):
        recognizer.recognize(replace(poses, keypoints=poses.keypoints / np.float32([width, height])))
    recognizer.recognize(poses)
    assert not caplog.text
    recognizer.recognize(replace(poses, scores=poses.scores * 100))
    assert "poses: scores of keypoints reach" in caplog.text


def test_keypoints_of_two_skeletons_are_taken_for_one_and_it_is_said(recognizer, caplog):
    keypoints = np.random.RandomState(0).uniform(10, 200, (1, 9, 25, 2)).astype(np.float32)
    recognizer.recognize(posec3d.Poses(keypoints, np.ones((1, 9, 25), np.float32), (240, 320)))
    assert "poses: 25 keypoints are taken for openpose25; if they are ntu25" in caplog.text


def test_frames_of_a_video_come_in_order(recognizer):
    frames = [_frame(time, {1: 100.0}, np.random.RandomState(time)) for time in (3, 2)]
    with pytest.raises(ValueError, match=r"one: a frame at .* s follows one at .* s; give them in order"):
        recognizer.recognize(PosedVideo("one", (480, 640), get_skeleton("coco17"), 30.0, frames))
