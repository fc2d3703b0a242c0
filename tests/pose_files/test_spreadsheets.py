import numpy as np
import pytest

from posec3d.people import UNKNOWN
from posec3d.pose_files import load_pose_file
from posec3d.pose_files.spreadsheets import spreadsheet_video
from posec3d.skeletons import get_skeleton

COCO = get_skeleton("coco17")


def load(tmp_path, text, **options):
    path = tmp_path / "walk.csv"
    path.write_text(text, encoding="utf-8")
    return load_pose_file(path, **{"canvas": (480, 640), **options})


def long_table(rows, header="frame,person,keypoint,x,y,score"):
    return "\n".join([header, *rows, ""])


def test_a_row_a_keypoint(tmp_path):
    rows = [
        f"{frame},{person},{name},{100 + person},{50 + place},0.5"
        for frame in (0, 2)
        for person in (3, 1)
        for place, name in enumerate(COCO.keypoints)
    ]

    (video,) = load(tmp_path, long_table(rows), frames_per_second=10.0)

    assert (video.name, video.skeleton) == ("walk", COCO)
    assert [f.ids.tolist() for f in video.frames] == [[3, 1], [], [3, 1]]
    assert [f.seconds for f in video.frames] == [0.0, 0.1, 0.2]
    assert video.frames[2].keypoints[1, 4].tolist() == [101, 54]
    assert (video.frames[2].scores == 0.5).all()


def test_keypoints_may_be_numbers_and_rows_be_missing(tmp_path):
    rows = [f"7,{place},100,{50 + place}" for place in range(17) if place != 3]

    (video,) = load(tmp_path, long_table(rows, "Frame,Keypoint,X,Y"))

    assert video.skeleton == COCO
    assert video.frames[0].ids.tolist() == [UNKNOWN]
    assert video.frames[0].seconds == 0.0
    assert video.frames[0].scores[0].tolist() == [1, 1, 1, 0] + [1] * 13


def test_a_row_a_frame_as_exported_from_mediapipe(tmp_path):
    # Names of mediapipe's PoseLandmark, coordinates as shares of the frame, a depth that is left out.
    body = get_skeleton("mediapipe33")
    names = [name.upper() if "mouth" not in name else "MOUTH_" + name.split("_")[0].upper() for name in body.keypoints]
    header = ",".join(["frame_number", *(f"{name}_{part}" for name in names for part in ("x", "y", "z", "visibility"))])
    row = ",".join(["0.5,0.25,-0.3,0.9"] * 33)

    (video,) = load(tmp_path, f"{header}\n0,{row}\n1,{row}\n")

    assert video.skeleton == body
    assert video.frames[1].keypoints[0, 9].tolist() == [320, 120]
    assert video.frames[1].scores[0, 9] == pytest.approx(0.9)


def test_coordinates_as_shares_need_a_canvas(tmp_path):
    with pytest.raises(
        ValueError, match=r"lie between 0.25 and 0.5, so they are shares of a frame .*; give its canvas"
    ):
        load(tmp_path, "frame,keypoint,x,y\n0,nose,0.5,0.25\n", canvas=None)


def test_without_frames_and_scores_each_row_is_a_frame(tmp_path):
    text = "nose_x,nose_y,l_hip_x,l_hip_y,label\n10,20,30,40,walk\n,,NaN,nan,walk\n50,60,,,jump\n"

    (video,) = load(tmp_path, text)

    assert video.skeleton.keypoints == ("nose", "left_hip")
    assert [f.num_people for f in video.frames] == [1, 0, 1]
    assert video.frames[2].scores.tolist() == [[1, 0]]


def test_a_table_as_deeplabcut_writes_it(tmp_path):
    text = (
        "scorer,DLC_resnet50,DLC_resnet50,DLC_resnet50,DLC_resnet50,DLC_resnet50,DLC_resnet50\n"
        "bodyparts,nose,nose,nose,left_hip,left_hip,left_hip\n"
        "coords,x,y,likelihood,x,y,likelihood\n"
        "0,77.3,88.9,0.75,30,40,0.5\n"
        "1,74.8,86.6,0.25,31,41,0.5\n"
    )

    (video,) = load(tmp_path, text)

    assert video.skeleton.keypoints == ("nose", "left_hip")
    assert video.frames[1].keypoints[0, 1].tolist() == [31, 41]
    assert video.frames[1].scores[0].tolist() == [0.25, 0.5]


def test_deeplabcut_tells_individuals_apart(tmp_path):
    text = (
        "scorer,DLC,DLC,DLC,DLC\nindividuals,ann,ann,bob,bob\nbodyparts,nose,nose,nose,nose\ncoords,x,y,x,y\n"
        "0,70,80,,\n1,71,81,30,40\n"
    )

    (video,) = load(tmp_path, text)

    assert [f.ids.tolist() for f in video.frames] == [[0], [0, 1]]


@pytest.mark.parametrize(
    "text",
    [
        "frame;keypoint;x;y\n0;nose;10,5;20\n",  # as spreadsheets save it where the comma is the decimal point
        "frame\tkeypoint\tx\ty\n0\tnose\t10.5\t20\n",
        "\ufeffframe,keypoint,x,y\r\n0,nose,10.5,20\r\n",  # as Excel saves "CSV UTF-8"
        " FRAME , Keypoint , X , Y \nimg_000.png, Nose , 10.5 , 20.0 \n\n,,,\n",
        'frame,person,nose_x,nose_y\n"0","",10.5,20\n',
        "frame,nose.x,nose.y,nose_z\n0.0,10.5,20,7\n",
    ],
)
def test_tables_come_in_many_spellings(tmp_path, text):
    (video,) = load(tmp_path, text)

    assert video.skeleton.keypoints == ("nose",)
    assert [f.keypoints.tolist() for f in video.frames] == [[[[10.5, 20.0]]]]


def test_keypoints_that_the_table_lacks_are_missing_if_the_skeleton_is_given(tmp_path):
    (video,) = load(tmp_path, "frame,left_hip_x,left_hip_y,nose_x,nose_y\n0,10,20,30,40\n", skeleton=COCO)

    assert video.skeleton == COCO
    assert video.frames[0].keypoints[0, 0].tolist() == [30, 40]
    assert video.frames[0].scores[0].nonzero()[0].tolist() == [0, COCO.keypoints.index("left_hip")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("frame,keypoint,x,y\n0,nose,ten,20\n", "line 2: x is 'ten', which is no number"),
        ("frame,keypoint,x,y\n0,nose,10\n", "line 2 has 3 cells, the header 4"),
        ("frame,keypoint,x,y\n0,,10,20\n", "line 2: no keypoint"),
        ("frame,keypoint,x,y\nfirst,nose,10,20\n", "line 2: frame is 'first'"),
        (
            "frame,keypoint,x,y\n0,nose,10,20\n0,nose,11,21\n",
            "line 3: x of keypoint 'nose' in frame 0 is in line 2 already",
        ),
        ("frame,nose_x,nose_y\n0,1,2\n0,3,4\n", "line 3: x of keypoint 'nose' in frame 0 .* add a column person"),
        ("name,age\nann,7\n", "its columns are name, age; write a row a keypoint"),
        ("frame,keypoint,x,y\n", "has no row of keypoints"),
        (
            "scorer,a,a\nbodyparts,nose,nose,nose\ncoords,x,y\n0,1,2\n",
            "its lines of bodyparts and coords are not of one",
        ),
        (",,\n", "its columns are nothing; write a row a keypoint"),
        ("scorer,DLC\n0,7\n", "starts as DeepLabCut's tables do, but has no lines 'bodyparts' and 'coords'"),
        (
            "frame,nose_x,nose_y\n0,1,2\n1623412341,3,4\n",
            "its frames are numbered 0 to 1623412341, more than 1,000,000 frames",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path, text, message):
    with pytest.raises(ValueError, match=f"walk.csv: {message}"):
        load(tmp_path, text)


def test_another_encoding_is_refused(tmp_path):
    (tmp_path / "walk.csv").write_bytes("frame,keypoint,x,y\n0,Hüfte,1,2\n".encode("latin-1"))

    with pytest.raises(ValueError, match=r"walk.csv: not text in UTF-8"):
        load_pose_file(tmp_path / "walk.csv")


@pytest.mark.parametrize(
    "text",
    [
        "frame,landmark,x,y,z,visibility,presence\n0,0,10,20,0,0.5,0.9\n0,1,30,40,0,0.25,0.8\n",
        "frame,0_x,0_y,0_presence,0_visibility,1_x,1_y,1_presence,1_visibility\n0,10,20,0.9,0.5,30,40,0.8,0.25\n",
        "frame,landmark,x,y,visibility\n0,00,10,20,0.5\n0,01,30,40,0.25\n",
    ],
)
def test_of_several_scores_visibility_counts_and_numbers_may_have_zeros_in_front(tmp_path, text):
    (tmp_path / "table.csv").write_text(text)
    (person,) = spreadsheet_video(tmp_path / "table.csv").frames[0]
    np.testing.assert_array_equal(person.keypoints, [[10, 20], [30, 40]])
    np.testing.assert_array_equal(person.scores, [0.5, 0.25])


def test_scores_of_whole_people_and_boxes_are_no_keypoints(tmp_path):
    columns = [f"{name}_{part}" for name in COCO.keypoints for part in ("x", "y", "score")]
    others = ["person_score", "instance.score", "bbox_x", "bbox_y", "bbox_score", "pose_score"]
    numbers = ",".join(f"{10 + place},{20 + place},0.5" for place in range(17))

    (video,) = load(tmp_path, f"frame,{','.join([*others, *columns])}\n0,1,1,5,5,1,1,{numbers}\n")

    assert video.skeleton == COCO
    assert video.frames[0].keypoints[0, 0].tolist() == [10, 20]


@pytest.mark.parametrize(
    ("header", "complaint"),
    [
        ("left_wrist_x,left_wist_y", "columns of 'left_wrist' lack y; spell all columns of a keypoint alike"),
        ("LEFT_WRIST_score", "columns of 'LEFT_WRIST' lack x and y; spell all columns of a keypoint alike"),
    ],
)
def test_slips_in_the_names_of_columns_are_told(tmp_path, header, complaint):
    others = "left_wrist_x,left_wrist_y," if "score" in header else ""
    columns = f"frame,nose_x,nose_y,{others}{header}"

    with pytest.raises(ValueError, match=complaint):
        load(tmp_path, f"{columns}\n{','.join('1' for _ in columns.split(','))}\n")


def test_places_of_one_coordinate_are_none(tmp_path):
    with pytest.raises(ValueError, match=r"its columns are frame, nose_x, hand_y; write a row a keypoint"):
        load(tmp_path, "frame,nose_x,hand_y\n0,1,2\n")
