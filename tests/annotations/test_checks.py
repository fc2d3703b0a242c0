import json
import pickle
from dataclasses import replace

import numpy as np
import pytest

from posec3d.annotations.checks import check_annotations
from posec3d.annotations.problems import KINDS
from posec3d.skeletons import get_skeleton

# One person of 17 keypoints, 4 frames, x from 100 to 250 and y from 50 to 200, on a canvas 320 wide and 240 high.
KEYPOINTS = np.random.default_rng(0).uniform((100, 50), (250, 200), (1, 4, 17, 2)).astype(np.float32)
THIRD_AT_ZERO = np.where(np.arange(17)[:, None] == 3, np.float32(0), KEYPOINTS)
SCORES = np.ones((1, 4, 17), np.float32)

COCO = get_skeleton("coco17")


def record(name, label=0, **changes):
    fields = {
        "frame_dir": name,
        "label": label,
        "img_shape": (240, 320),
        "total_frames": 4,
        "keypoint": KEYPOINTS,
        "keypoint_score": SCORES,
    } | changes
    return {field: value for field, value in fields.items() if value is not None}


def with_value(array, value):
    """The array with its first number replaced."""
    changed = array.copy()
    changed.flat[0] = value
    return changed


@pytest.fixture
def check(tmp_path):
    def check(content, *, of_one_class=True, **options):
        """Most files here are of one class, which is not what they are about."""
        path = tmp_path / "file.pkl"
        path.write_bytes(pickle.dumps(content))
        report = check_annotations(path, **options)
        kept = tuple(one for one in report.findings if not (of_one_class and one.kind == "one_class"))
        return replace(report, findings=kept)

    return check


def kinds(report):
    return {problem["kind"] for problem in report.as_dict()["problems"]}


@pytest.mark.parametrize(
    ("records", "classes", "kind"),
    [
        ([], None, "no_videos"),
        ([record("a", 0), record("b", 0)], None, "one_class"),
        ([record("a", 0)], ["sit"], "one_class"),
        (
            [record("a", 0, keypoint_score=0 * SCORES), record("b", 1, keypoint_score=0 * SCORES)],
            None,
            "nobody_anywhere",
        ),
    ],
)
def test_what_training_refuses_of_a_whole_file_is_an_error(check, records, classes, kind):
    report = check({"annotations": records, "classes": classes}, of_one_class=False)
    assert kind in kinds(report)
    assert KINDS[kind].severity == "error"


def test_an_empty_list_of_classes_is_none(check):
    assert check({"annotations": [record("a", 0), record("b", 1)], "classes": []}).findings == ()


def test_a_sound_file_has_no_problems(check):
    content = {
        "split": {"train": ["a", "b"], "val": ["c"]},
        "annotations": [record("a", 0), record("b", 1), record("c", 1)],
        "classes": ["sit", "stand"],
        "keypoint_names": list(get_skeleton("coco17").keypoints),
    }

    report = check(content, skeleton=get_skeleton("coco17"), num_classes=2)

    assert report.findings == ()
    assert not report.has_errors
    assert report.text().endswith("Ready for training: no problems.")


CROWD = np.repeat(KEYPOINTS, 12, axis=0)
WRONG = [
    ({"keypoint": None, "raw_file": "part1.pkl"}, "table_of_contents", "it has"),
    ({"frame_dir": None}, "missing_name", "it has"),
    ({"frame_dir": 7}, "wrong_name", "frame_dir is 7"),
    ({"keypoint": None}, "missing_keypoint", "it has"),
    ({"keypoint": KEYPOINTS[0, 0]}, "wrong_keypoint", "(17, 2)"),
    ({"keypoint": np.full((1, 4, 17, 3), 2.5), "keypoint_score": None}, "three_dimensional", "third from 2.5"),
    ({"keypoint_score": np.ones((4, 17))}, "wrong_score", "(4, 17)"),
    ({"total_frames": 5}, "total_frames", "total_frames is 5, keypoint has 4 frames"),
    ({"img_shape": None}, "missing_size", "neither"),
    ({"img_shape": (240, 320, 3)}, "wrong_size", "(240, 320, 3)"),
    ({"label": None}, "missing_label", "no label"),
    ({"label": "sit"}, "wrong_label", "'sit'"),
    ({"label": -1}, "label_out_of_range", "label is -1, labels are 0..2"),
    ({"label": 3}, "label_out_of_range", "label is 3, labels are 0..2"),
    (
        {"keypoint": KEYPOINTS[:, :, :13], "keypoint_score": None},
        "mixed_skeletons",
        "13 keypoints, most videos have 17",
    ),
    ({"keypoint": KEYPOINTS / 320}, "normalised", "from 0."),
    ({"keypoint": KEYPOINTS / 50 - 3}, "body_coordinates", "from -"),
    ({"keypoint": CROWD, "keypoint_score": None}, "exchanged_axes", "12 people, frames: 4"),
    ({"keypoint_score": SCORES * 0}, "nobody_seen", "4 frames"),
    ({"keypoint": KEYPOINTS[:0], "keypoint_score": SCORES[:0]}, "nobody_seen", "4 frames"),
    ({"keypoint": with_value(KEYPOINTS, np.nan)}, "not_finite", "1 of 68 keypoints"),
    ({"keypoint_score": with_value(SCORES, np.inf)}, "not_finite", "1 of 68 keypoints"),
    ({"keypoint": with_value(KEYPOINTS, 1000)}, "outside", "1 of 68 keypoints, the farthest at x 1000"),
    ({"keypoint": with_value(KEYPOINTS, -200)}, "outside", "x -200"),
    ({"keypoint_score": SCORES * 100}, "score_range", "from 100 to 100"),
    ({"keypoint": THIRD_AT_ZERO, "keypoint_score": None}, "zeros_without_scores", "4 of 68 keypoints"),
]


@pytest.mark.parametrize(
    ("changes", "kind", "found"), WRONG, ids=[f"{kind}-{i}" for i, (_, kind, _) in enumerate(WRONG)]
)
def test_a_wrong_video_is_reported_with_its_value(check, changes, kind, found):
    content = [record("a", 0), record("b", 1), record("c", 2), record("wrong", 2) | changes]
    content[3] = {field: value for field, value in content[3].items() if value is not None}

    report = check(content, num_classes=3)

    (finding,) = report.findings
    assert finding.kind == kind
    assert found in finding.found
    assert finding.subject == {"missing_name": "record 3", "wrong_name": "7"}.get(kind, "wrong")
    assert report.has_errors == (KINDS[kind].severity == "error")


def test_classes_that_training_never_sees_are_named(check):
    records = [record("a", 0), record("b", 1), record("c", 1), record("hidden", 2, keypoint_score=SCORES * 0)]
    records += [record("d", 2)]
    splits = {"train": ["a", "hidden"], "val": ["b", "c", "d"], "xsub_train": ["a", "b", "d"]}

    found = [
        finding
        for finding in check({"annotations": records, "split": splits, "classes": ["sit", "run", "hug"]}).findings
        if finding.kind == "class_not_trained"
    ]

    assert [(finding.subject, finding.found) for finding in found] == [
        ("class 1 (run)", "none of its 2 videos is in split 'train'"),
        ("class 2 (hug)", "none of its 1 videos is in split 'train'"),
    ]


def test_a_few_people_in_a_single_picture_are_no_mistake(check):
    few = KEYPOINTS[:, :1].repeat(9, axis=0)
    assert check([record("a", keypoint=few, keypoint_score=None, total_frames=1)]).findings == ()


def test_every_problem_of_every_video_is_found_in_one_pass(check):
    content = [
        record("a", -1, total_frames=9, img_shape=None),
        record("b", 0.5, keypoint=KEYPOINTS[..., 0]),
        record("b", 0),
        "no record",
    ]

    found = {(finding.kind, finding.subject) for finding in check(content).findings}

    assert found == {
        ("label_out_of_range", "a"),
        ("total_frames", "a"),
        ("missing_size", "a"),
        ("wrong_label", "b"),
        ("wrong_keypoint", "b"),
        ("duplicate_name", "b"),
        ("not_a_record", "record 3"),
    }


def test_small_scores_beyond_one_are_no_problem(check):
    assert check([record("a", keypoint_score=SCORES * 1.02)]).findings == ()


def test_large_negative_coordinates_are_not_taken_for_body_coordinates(check):
    assert kinds(check([record("a", keypoint=-KEYPOINTS)])) == {"outside"}


def test_a_keypoint_on_the_edge_of_the_image_is_not_missing(check):
    assert check([record("a", keypoint=with_value(KEYPOINTS, 0))]).statistics.missing == 0


def test_one_video_of_body_coordinates_speaks_for_all(check):
    # Each alone would look normalised to 0..1.
    content = [record("a", keypoint=KEYPOINTS / 320), record("b", keypoint=KEYPOINTS / 100)]

    assert kinds(check(content)) == {"body_coordinates"}


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        # x reaches 250: outside a width of 210, inside once exchanged.
        ([(320, 210)] * 2, {"a": "swapped_size", "b": "swapped_size"}),
        ([(320, 210), (240, 320)], {"a": "swapped_size"}),
        ([(150, 150)] * 2, {"a": "outside", "b": "outside"}),  # fits neither way
        ([(320, 210), (150, 150), (140, 140)], {"a": "outside", "b": "outside", "c": "outside"}),  # one by chance
        ([(320, 320)], {}),
    ],
)
def test_exchanged_sizes_are_told_from_wrong_ones(check, sizes, expected):
    content = [record(name, img_shape=size) for name, size in zip("abc", sizes)]

    assert {finding.subject: finding.kind for finding in check(content).findings} == expected


def test_classes_without_a_video_are_named(check):
    content = {"annotations": [record("a", 2)], "classes": ["sit", "stand", "run"]}

    assert [finding.subject for finding in check(content).findings] == ["class 0 (sit)", "class 1 (stand)"]
    assert [finding.subject for finding in check(content, num_classes=4).findings][-1] == "class 3"


def test_a_table_of_contents_is_the_only_problem_of_one(check):
    assert kinds(check([record("a", 5, keypoint=None, raw_file="part1.pkl")])) == {"table_of_contents"}


def test_the_skeleton_asked_for_must_fit(check):
    report = check([record("a")], skeleton=get_skeleton("openpose18"))

    assert [(finding.kind, finding.found) for finding in report.findings] == [
        ("wrong_skeleton", "17 keypoints, openpose18 has 18")
    ]


def test_the_skeleton_asked_for_must_have_the_keypoints_in_their_order(check):
    names = get_skeleton("h36m17").keypoints
    (finding,) = check({"annotations": [record("a")], "keypoint_names": names}, skeleton=COCO).findings

    assert (finding.kind, finding.found) == ("keypoint_names", "keypoint 1 is 'right_hip', that of coco17 'left_eye'")
    assert not check({"annotations": [record("a")], "keypoint_names": COCO.keypoints}, skeleton=COCO).findings


@pytest.mark.parametrize("names", [["nose"], ["nose"] * 17, [*COCO.keypoints[:-1], "LAnkle"]])
def test_keypoint_names_must_fit(check, names):
    assert kinds(check({"annotations": [record("a")], "keypoint_names": names})) == {"keypoint_names"}


@pytest.mark.parametrize(
    ("splits", "expected"),
    [
        ({"train": ["a", "b"], "val": ["c"]}, {}),
        ({"train": ["a"], "val": []}, {"val": "empty_split"}),
        ({"train": ["x", "y"]}, {"train": "empty_split"}),
        ({"train": ["a", "x"]}, {"train": "unknown_in_split"}),
        ({"train": ["a", "b"], "test": ["b"]}, {"train and test": "overlapping_splits"}),
        ({"xsub_train": ["a"], "xsub_val": ["a"]}, {"xsub_train and xsub_val": "overlapping_splits"}),
        ({"train1": ["a"], "test1": ["b"], "train2": ["b"], "test2": ["a"]}, {}),  # folds
        ({"xsub_train": ["a"], "xview_val": ["a"]}, {}),
        ({"train": ["a"], "trainval": ["a", "b"], "val": ["b"]}, {}),
        ({"val": ["a"], "test": ["a"]}, {}),
        ({"trainval": ["a"], "test": ["a"]}, {"trainval and test": "overlapping_splits"}),
        ({"train_val2": ["a"], "test2": ["a"], "val2": ["a"]}, {"train_val2 and test2": "overlapping_splits"}),
    ],
)
def test_splits_are_checked_against_the_videos_and_each_other(check, splits, expected):
    content = {"split": splits, "annotations": [record("a"), record("b"), record("c")]}

    assert {finding.subject: finding.kind for finding in check(content).findings} == expected


def test_statistics_count_what_is_there(check):
    two_people = np.concatenate([KEYPOINTS, KEYPOINTS * 0])
    content = {
        "split": {"train": ["a", "b"], "val": ["c"]},
        "annotations": [
            record("a", 0),
            record("b", 0, keypoint=KEYPOINTS[:, :2], keypoint_score=SCORES[:, :2], total_frames=2),
            # The second person is padding; of the first, half of the frames are missing.
            record("c", 1, keypoint=two_people, keypoint_score=np.repeat(SCORES, 2, 0) * [[[1], [0], [1], [0]]]),
            record("d", 1, img_shape=(480, 640)),
        ],
    }

    statistics = check(content).statistics

    assert (statistics.videos, statistics.num_classes, statistics.in_no_split) == (4, 2, 1)
    assert statistics.splits == {"train": 2, "val": 1}
    assert (statistics.people.low, statistics.people.high) == (1, 1)
    assert (statistics.frames.low, statistics.frames.median, statistics.frames.high) == (2, 4, 4)
    assert statistics.keypoints == {17: 4}
    assert statistics.canvases == {"240x320": 3, "480x640": 1}
    assert statistics.missing == pytest.approx(2 / 14)
    assert (statistics.videos_per_class.low, statistics.videos_per_class.high) == (2, 2)


@pytest.mark.parametrize(
    ("options", "names", "expected"),
    [
        ({}, None, ("coco17", "h36m17")),
        ({}, "h36m17", ("h36m17",)),
        ({"skeleton": get_skeleton("coco17_default_limbs")}, None, ("coco17_default_limbs",)),
        ({"skeleton": get_skeleton("penn13")}, None, ()),  # which it cannot be
    ],
)
def test_the_skeleton_is_recognised_by_name_or_number(check, options, names, expected):
    content = {"annotations": [record("a")]}
    if names is not None:
        content["keypoint_names"] = get_skeleton(names).keypoints

    assert check(content, **options).statistics.skeletons == expected


def test_the_page_shows_three_examples_and_json_all(check):
    report = check([record(name, img_shape=None) for name in "abcde"])

    assert "error:   no img_shape (5 videos)\n    a, b, c and 2 more: neither img_shape nor" in report.text()
    assert "Not ready for training: 1 kind of error." in report.text()
    (problem,) = json.loads(json.dumps(report.as_dict()))["problems"]
    assert problem["count"] == 5
    assert [finding["video"] for finding in problem["findings"]] == list("abcde")


def test_errors_are_told_in_a_line_each(check):
    report = check([record(f"v{i}", label=7) for i in range(5)] + [record("a"), record("a", label=1)], num_classes=2)

    assert report.errors_in_short() == [
        "several videos with the same frame_dir: a (2 times)",
        "label outside the classes: v0 and 4 more (label is 7, labels are 0..1)",
    ]
    assert check([record("a"), record("b", label=1)]).errors_in_short() == []


def test_different_values_stand_in_lines_of_their_own(check):
    report = check([record(name, total_frames=total) for total, name in enumerate("abcde", start=10)])

    assert "    a: total_frames is 10, keypoint has 4 frames\n    b: total_frames is 11" in report.text()
    assert "    and 2 more\n" in report.text()


def test_an_empty_list_is_reported_not_crashed_on(check):
    assert check([]).statistics.videos == 0


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # Kinds as found by looking at the data; the sizes of four clips of Penn Action do not fit their poses.
        ("data/penn_action_2d.pkl.gz", {"nobody_seen": 1, "outside": 4}),
        ("data/jhmdb14_world2d.pkl.gz", {"missing_size": 609, "body_coordinates": 609}),
        ("data/wlasl_pyskl_list.pkl", {"class_without_video": 1771, "outside": 6}),
        ("data/k400_toc_sample.pkl", {"table_of_contents": 100}),
        ("golden/annotations_list.pkl", {"nobody_seen": 1}),
        ("golden/annotations_dict.pkl", {"nobody_seen": 1, "class_not_trained": 2}),
    ],
)
def test_real_files_have_the_problems_that_they_are_known_for(shared, name, expected):
    problems = check_annotations(shared / name).as_dict()["problems"]

    assert {problem["kind"]: problem["count"] for problem in problems} == expected


def test_every_kind_says_what_to_do():
    assert all(row.title and row.mend.endswith((".", "'.")) for row in KINDS.values())
