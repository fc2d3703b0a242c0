import pytest
from hypothesis import given
from hypothesis import strategies as st

from posec3d.skeletons import SKELETONS
from posec3d.skeletons import Skeleton
from posec3d.skeletons import get_skeleton
from posec3d.skeletons import mirrored_name
from posec3d.skeletons import side_of
from posec3d.skeletons import skeleton_meant
from posec3d.skeletons import skeleton_of_keypoints
from posec3d.skeletons import skeletons_of_number
from posec3d.skeletons import spelt_out


@pytest.mark.parametrize(
    ("name", "mirrored"),
    [
        ("left_wrist", "right_wrist"),
        ("r_knee", "l_knee"),
        ("wrist_l", "wrist_r"),
        ("nose", "nose"),
        ("leftover", "leftover"),  # a side is a whole word
        ("mid_hip", "mid_hip"),
    ],
)
def test_the_mirrored_name_is_the_other_side(name, mirrored):
    assert mirrored_name(name) == mirrored


@pytest.mark.parametrize(
    ("name", "side"), [("left_wrist", "left"), ("r_knee", "right"), ("wrist_l", "left"), ("nose", None)]
)
def test_a_side_is_read_off_the_name(name, side):
    assert side_of(name) == side


@pytest.mark.parametrize(
    "name", ["left_wrist", "LEFT_WRIST", "l_wrist", "wrist_l", "LWrist", "leftWrist", "Left Wrist", "wrist (left)"]
)
def test_a_side_may_be_spelt_in_many_ways(name):
    assert spelt_out(name) == "left_wrist"


@pytest.mark.parametrize(
    ("name", "spelt"),
    [
        ("MidHip", "mid_hip"),
        ("LEFT_EYE_INNER", "left_eye_inner"),
        ("RBigToe", "right_big_toe"),
        ("Nose", "nose"),
        ("thumb1", "thumb1"),
        ("leftover", "leftover"),  # a side is a whole word
        ("左手", "左手"),
        ("Hüfte", "hüfte"),
    ],
)
def test_names_become_ours(name, spelt):
    assert spelt_out(name) == spelt


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=SKELETONS.keys())
def test_our_names_stay(skeleton):
    assert tuple(spelt_out(name) for name in skeleton.keypoints) == skeleton.keypoints


def test_coco17_mirrors_as_the_configs_of_mmaction2_list_it():
    # mmaction2 0.24.1, configs/skeleton/posec3d: left_kp, right_kp, left_limb, right_limb.
    left_keypoints, right_keypoints = [1, 3, 5, 7, 9, 11, 13, 15], [2, 4, 6, 8, 10, 12, 14, 16]
    left_limbs, right_limbs = [0, 2, 3, 6, 7, 8, 12, 14], [1, 4, 5, 9, 10, 11, 13, 15]

    coco = get_skeleton("coco17")

    assert [coco.mirrored_keypoints[i] for i in left_keypoints] == right_keypoints
    assert [coco.mirrored_limbs[i] for i in left_limbs] == right_limbs
    assert coco.mirrored_limbs[16] == 16  # the hips


def test_the_other_limb_order_mirrors_as_the_defaults_of_mmaction2_list_it():
    # mmaction2 0.24.1, GeneratePoseTarget: left_limb, right_limb.
    left_limbs, right_limbs = [0, 2, 4, 5, 6, 10, 11, 12], [1, 3, 7, 8, 9, 13, 14, 15]

    skeleton = get_skeleton("coco17_default_limbs")

    assert [skeleton.mirrored_limbs[i] for i in left_limbs] == right_limbs


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=SKELETONS.keys())
def test_mirroring_twice_changes_nothing(skeleton):
    twice = [skeleton.mirrored_keypoints[i] for i in skeleton.mirrored_keypoints]
    limbs_twice = [skeleton.mirrored_limbs[i] for i in skeleton.mirrored_limbs]

    assert twice == list(range(skeleton.num_keypoints))
    assert limbs_twice == list(range(skeleton.num_limbs))


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=SKELETONS.keys())
def test_every_sided_limb_has_a_mirror(skeleton):
    for limb, mirror in zip(skeleton.limbs, skeleton.mirrored_limbs, strict=True):
        ends = {skeleton.keypoints[end] for end in limb}
        assert {mirrored_name(end) for end in ends} == {skeleton.keypoints[end] for end in skeleton.limbs[mirror]}


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=SKELETONS.keys())
def test_every_keypoint_is_the_end_of_a_limb(skeleton):
    assert {end for limb in skeleton.limbs for end in limb} == set(range(skeleton.num_keypoints))


@given(st.lists(st.sampled_from(["a", "left_b", "right_b", "l_c", "r_c"]), unique=True, min_size=1))
def test_any_names_give_a_mirror_of_their_own(names):
    skeleton = Skeleton("any", tuple(names), ())

    assert sorted(skeleton.mirrored_keypoints) == list(range(len(names)))


def test_penn_names_are_recognised_with_short_sides():
    names = ["head", "l_shoulder", "r_shoulder", "l_elbow", "r_elbow", "l_wrist", "r_wrist"]
    names += ["l_hip", "r_hip", "l_knee", "r_knee", "l_ankle", "r_ankle"]

    assert skeleton_of_keypoints(names) == get_skeleton("penn13")
    assert skeleton_of_keypoints(names[::-1]) is None


@pytest.mark.parametrize(
    "sides",
    ["{}Shoulder", "{}_shoulder", "{} shoulder", "{}-shoulder", "shoulder_{}", "Shoulder.{}"],
)
@pytest.mark.parametrize(("left", "right"), [("left", "right"), ("Left", "Right"), ("L", "R"), ("LEFT", "RIGHT")])
def test_partners_are_told_however_a_side_is_spelt(sides, left, right):
    skeleton = Skeleton("own", ("Nose", sides.format(left), sides.format(right)), ((0, 1), (0, 2)))

    assert skeleton.mirrored_keypoints == (0, 2, 1)
    assert skeleton.mirrored_limbs == (1, 0)
    assert [side_of(name) for name in skeleton.keypoints] == [None, "left", "right"]


@pytest.mark.parametrize("spell", [str.upper, str.title, lambda name: name.title().replace("_", "")])
@pytest.mark.parametrize("name", ["coco17", "h36m17", "openpose25", "mediapipe33"])
def test_a_skeleton_is_known_however_its_names_are_spelt(spell, name):
    skeleton = get_skeleton(name)

    assert skeleton_of_keypoints([spell(keypoint) for keypoint in skeleton.keypoints]) == skeleton


@pytest.mark.parametrize(
    ("num_keypoints", "fitting", "meant"),
    [
        (17, ["coco17", "h36m17"], "coco17"),  # other limbs make no other body
        (25, ["openpose25", "ntu25"], None),
        (13, ["penn13"], "penn13"),
        (14, [], None),
    ],
)
def test_a_number_of_keypoints_means_one_skeleton_or_is_left_open(num_keypoints, fitting, meant):
    found = skeletons_of_number(num_keypoints)

    assert [skeleton.name for skeleton in found] == fitting
    assert skeleton_meant(found) == (get_skeleton(meant) if meant else None)


def test_two_spellings_of_one_keypoint_are_refused():
    with pytest.raises(ValueError, match="keypoints 'left_hip' and 'LHip' have one meaning"):
        Skeleton("bad", ("left_hip", "r_hip", "LHip"), ())


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(KeyError, match="did you mean 'coco17'"):
        get_skeleton("coc17")


@pytest.mark.parametrize("limb", [(0, 0), (0, 2), (-1, 0)])
def test_a_limb_joins_two_keypoints_that_exist(limb):
    with pytest.raises(ValueError, match="must join two different keypoints"):
        Skeleton("bad", ("a", "b"), (limb,))


def test_names_are_unique():
    with pytest.raises(ValueError, match="'a' stands twice"):
        Skeleton("bad", ("a", "b", "a"), ())
