"""What has been published for PoseC3D: annotation files and weights, by name, and where they are.

Sources: the tables of mmaction2 (0.24.1 and 1.x) and pyskl: `configs/skeleton/posec3d/{README.md,metafile.yml}`,
`configs/skeleton/posec3d/rgbpose_conv3d/README.md`, `configs/posec3d/README.md` and `tools/data/skeleton/README.md`.
"""

import difflib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from posec3d.runtime.download import fetch

SERVER = "https://download.openmmlab.com"
CHECKPOINT_FOLDER = Path("checkpoints")
ANNOTATION_FOLDER = Path("data/posec3d")


@dataclass(frozen=True)
class PublishedFile:
    """One file: the names it goes by, its path on the server, its name on disk, what it is.

    Several files may share a name (a data set in parts). `accuracy` is the one published, in percent.
    """

    names: tuple[str, ...]
    remote_path: str
    file_name: str
    description: str
    accuracy: str = ""
    num_bytes: int | None = None
    note: str = ""

    @property
    def url(self) -> str:
        """Where it is: on the server of OpenMMLab, or on the mirror that the variable POSEC3D_MIRROR names."""
        server = os.environ.get("POSEC3D_MIRROR") or SERVER
        return f"{server.rstrip('/')}/{self.remote_path}"

    @property
    def folder(self) -> Path:
        """Where it goes unless another place is asked for: where the published configs look for it."""
        return ANNOTATION_FOLDER if self.file_name.endswith(".pkl") else CHECKPOINT_FOLDER

    @property
    def sha256_prefix(self) -> str | None:
        """The first eight digits of its sha256, which end the file's name; None for a file without them."""
        found = re.search(r"-([0-9a-f]{8})\.pth$", self.file_name)
        return found[1] if found else None


def find_published(name: str, table: tuple[PublishedFile, ...]) -> tuple[PublishedFile, ...]:
    """Return the files of `table` that go by `name`, or have it as file name or URL; KeyError with the nearest name."""
    # mmaction2 moved k400_posec3d-041f49c6.pth, so of a URL with a hash the last part says enough.
    wanted = re.sub(r"^https?://download\.openmmlab\.com/(?:.*/(?=[^/]*-[0-9a-f]{8}\.pth$))?", "", name)
    found = tuple(file for file in table if wanted in (*file.names, file.file_name, file.remote_path))
    if not found:
        near = difflib.get_close_matches(name.lower(), [name for file in table for name in file.names], n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else "`posec3d download` lists them"
        raise KeyError(f"nothing is published under the name {name!r}; {hint}")
    return found


def fetch_published(file: PublishedFile, folder: Path) -> Path:
    """Fetch one file into `folder`, unless it is there, and return its path."""
    return fetch(file.url, folder / file.file_name, sha256_prefix=file.sha256_prefix)


def checkpoint_path(name_or_path: str, folder: Path = CHECKPOINT_FOLDER) -> Path:
    """Return the path of a checkpoint; one that is named as in the table is fetched into `folder` first.

    A path of an existing file is returned as it is. A published one that lies in `folder`, in `checkpoints/`
    or in `cache_folder()` already is checked and returned, so that machines without a network find what was brought.

    Raises KeyError, with the nearest name, for what is neither a file nor published.
    """
    if Path(name_or_path).is_file():
        return Path(name_or_path)
    try:
        (file,) = find_published(name_or_path, CHECKPOINTS)
    except KeyError as error:
        raise KeyError(f"no file {name_or_path!r}, and {error.args[0]}") from None
    folders = (folder, CHECKPOINT_FOLDER, cache_folder())
    return fetch_published(file, next((place for place in folders if (place / file.file_name).exists()), folder))


def cache_folder() -> Path:
    """Return the folder for what is fetched without being asked for by path: POSEC3D_HOME, or ~/.cache/posec3d."""
    return Path(os.environ.get("POSEC3D_HOME") or Path.home() / ".cache" / "posec3d")


def _annotations(rows: str) -> tuple[PublishedFile, ...]:
    """Read rows of path below the server, further names ("-": none but the file's), size in bytes, description."""
    files = []
    for row in rows.strip().splitlines():
        remote_path, names, size, description = row.split(maxsplit=3)
        stem = Path(remote_path).stem
        files.append(
            PublishedFile(
                names=(*names.split(",") * (names != "-"), stem),
                remote_path=remote_path,
                file_name=f"{stem}.pkl",
                description=description,
                num_bytes=None if size == "-" else int(size),
                note=_K400_NOTE if stem == "k400_2d" else "",
            )
        )
    return tuple(files)


def _mmaction2(folder: str, rows: str, folder_each: bool = True) -> tuple[PublishedFile, ...]:
    """Read rows of short name, config, how its file name goes on (date and hash), accuracy, description."""
    files = []
    for row in rows.strip().splitlines():
        name, config, date_and_hash, accuracy, description = row.split(maxsplit=4)
        file_name = f"{config}{date_and_hash}.pth"
        remote_path = f"{folder}/{config}/{file_name}" if folder_each else f"{folder}/{file_name}"
        files.append(
            PublishedFile((name, config), remote_path, file_name, description, _percent(accuracy, description))
        )
    return tuple(files)


def _pyskl(rows: str) -> tuple[PublishedFile, ...]:
    """Read rows of short name without "-pyskl", config, accuracy, description.

    The server has them without a hash, and all as joint.pth or limb.pth: on disk they get the name of their config.
    The lighter networks also go by the names of our configs for them.
    """
    files = []
    for row in rows.strip().splitlines():
        name, config, accuracy, description = row.split(maxsplit=3)
        remote_path, file_name = f"mmaction/pyskl/ckpt/posec3d/{config}.pth", f"pyskl_{config.replace('/', '_')}.pth"
        names: tuple[str, ...] = (f"{name}-pyskl", config)
        if config.startswith(("c3d", "x3d")):
            names += (config.replace("/joint", "_keypoint").replace("/limb", "_limb"),)
        files.append(PublishedFile(names, remote_path, file_name, description, _percent(accuracy, description)))
    return tuple(files)


def _percent(accuracy: str, description: str) -> str:
    if accuracy == "-":
        return ""
    return f"{accuracy} mean class" if description.startswith("FineGYM") else f"{accuracy} top-1"


_K400_NOTE = (
    "k400_2d.pkl is a table of contents only; its keypoints are k400_kpfiles_2d.zip of "
    "https://openxlab.org.cn/datasets/OpenMMLab/Kinetics400-skeleton, which you have to fetch and unzip by hand; "
    "then `posec3d pack k400_2d.pkl --kpfiles FOLDER` puts them together"
)
_V0 = "mmaction/skeleton/posec3d"
_V1 = "mmaction/v1.0/skeleton/posec3d"
_K400_V0 = "slowonly_kinetics400_pretrained_r50_u48_120e"
_K400_V1 = "slowonly_kinetics400-pretrained-r50_8xb16-u48-120e"

ANNOTATIONS = _annotations("""
mmaction/posec3d/gym_train.pkl gym - FineGYM (Gym99), training videos
mmaction/posec3d/gym_val.pkl gym - FineGYM (Gym99), validation videos
mmaction/posec3d/ntu60_xsub_train.pkl ntu60 - NTU60 X-Sub, training videos
mmaction/posec3d/ntu60_xsub_val.pkl ntu60 - NTU60 X-Sub, validation videos
mmaction/posec3d/ntu120_xsub_train.pkl ntu120 - NTU120 X-Sub, training videos
mmaction/posec3d/ntu120_xsub_val.pkl ntu120 - NTU120 X-Sub, validation videos
mmaction/posec3d/ucf101.pkl - - UCF101, three splits
mmaction/posec3d/hmdb51.pkl - - HMDB51, three splits
mmaction/v1.0/skeleton/data/k400_2d.pkl k400 - Kinetics-400, table of contents only: no keypoints
mmaction/v1.0/skeleton/data/diving48_2d.pkl diving48 - Diving48 V2, both splits
mmaction/v1.0/skeleton/data/gym_2d.pkl - - FineGYM (Gym99) as in mmaction2 1.x, both splits
mmaction/v1.0/skeleton/data/ntu60_2d.pkl - - NTU60 as in mmaction2 1.x, X-Sub and X-View
mmaction/v1.0/skeleton/data/ntu120_2d.pkl - 1238461428 NTU120 as in mmaction2 1.x, X-Sub and X-Set
mmaction/v1.0/skeleton/data/ucf101_2d.pkl - - UCF101 as in mmaction2 1.x, three splits
mmaction/v1.0/skeleton/data/hmdb51_2d.pkl - - HMDB51 as in mmaction2 1.x, three splits
""")

CHECKPOINTS = (
    *_mmaction2(
        _V0,
        f"""
gym-keypoint slowonly_r50_u48_240e_gym_keypoint -b07a98a0 93.7 FineGYM, keypoints
gym-limb slowonly_r50_u48_240e_gym_limb -c0d7b482 94.0 FineGYM, limbs
ntu60-keypoint slowonly_r50_u48_240e_ntu60_xsub_keypoint -f3adabf1 93.7 NTU60 X-Sub, keypoints
ntu60-limb slowonly_r50_u48_240e_ntu60_xsub_limb -1d69006a 93.4 NTU60 X-Sub, limbs
ntu120-keypoint slowonly_r50_u48_240e_ntu120_xsub_keypoint -6736b03f 86.3 NTU120 X-Sub, keypoints
ntu120-limb slowonly_r50_u48_240e_ntu120_xsub_limb -803c2317 85.7 NTU120 X-Sub, limbs
ucf101-keypoint {_K400_V0}_ucf101_split1_keypoint -cae8aa4a 87.0 UCF101 split 1, keypoints, K400-pretrained
hmdb51-keypoint {_K400_V0}_hmdb51_split1_keypoint -76ffdd8b 69.3 HMDB51 split 1, keypoints, K400-pretrained
""",
    ),
    *_mmaction2(
        _V0,
        """
k400-keypoint k400_posec3d -041f49c6 - Kinetics-400, keypoints: what UCF101 and HMDB51 start from
""",
        folder_each=False,
    ),
    *_mmaction2(
        _V1,
        f"""
gym-keypoint-1x slowonly_r50_8xb16-u48-240e_gym-keypoint _20220815-da338c58 93.5 FineGYM, keypoints
gym-limb-1x slowonly_r50_8xb16-u48-240e_gym-limb _20220815-2e6e3c5c 93.6 FineGYM, limbs
ntu60-keypoint-1x slowonly_r50_8xb16-u48-240e_ntu60-xsub-keypoint _20220815-38db104b 93.6 NTU60 X-Sub, keypoints
ntu60-limb-1x slowonly_r50_8xb16-u48-240e_ntu60-xsub-limb _20220815-af2f119a 93.5 NTU60 X-Sub, limbs
ucf101-keypoint-1x {_K400_V1}_ucf101-split1-keypoint _20220815-9972260d 86.8 UCF101 split 1, keypoints, K400-pretrained
hmdb51-keypoint-1x {_K400_V1}_hmdb51-split1-keypoint _20220815-17eaa484 69.6 HMDB51 split 1, keypoints, K400-pretrained
k400-keypoint-1x slowonly_r50_8xb32-u48-240e_k400-keypoint _20230731-7f498b55 47.4 Kinetics-400, keypoints
""",
    ),
    *_mmaction2(
        f"{_V1}/rgbpose_conv3d",
        """
ntu60-rgb-1x rgb_only _20230228-576b9f86 95.4 NTU60 X-Sub, RGB stream of RGBPose-Conv3D, alone
ntu60-pose-1x pose_only _20230228-fa40054e 93.5 NTU60 X-Sub, keypoint stream of RGBPose-Conv3D, alone
ntu60-rgbpose-init-1x rgbpose_conv3d_init _20230228-09b7684b - NTU60 X-Sub, both streams merged, before their training
ntu60-rgbpose-1x rgbpose_conv3d _20230301-ac7b0e77 96.8 NTU60 X-Sub, RGBPose-Conv3D
""",
        folder_each=False,
    ),
    # pyskl's "joint" configs of NTU120 draw limbs, in the order that GeneratePoseTarget has by default.
    *_pyskl("""
gym-keypoint slowonly_r50_gym/joint 93.8 FineGYM, keypoints
gym-limb slowonly_r50_gym/limb 93.8 FineGYM, limbs
gym-keypoint-c3d c3d_light_gym/joint 91.8 FineGYM, keypoints, C3D-light
gym-limb-c3d c3d_light_gym/limb 91.2 FineGYM, limbs, C3D-light
gym-keypoint-x3d x3d_shallow_gym/joint 91.4 FineGYM, keypoints, X3D-shallow
gym-limb-x3d x3d_shallow_gym/limb 90.0 FineGYM, limbs, X3D-shallow
ntu60-keypoint slowonly_r50_ntu60_xsub/joint 93.7 NTU60 X-Sub, keypoints
ntu60-limb slowonly_r50_ntu60_xsub/limb 93.4 NTU60 X-Sub, limbs
ntu60-keypoint-c3d c3d_light_ntu60_xsub/joint 92.7 NTU60 X-Sub, keypoints, C3D-light
ntu60-limb-c3d c3d_light_ntu60_xsub/limb 92.6 NTU60 X-Sub, limbs, C3D-light
ntu60-keypoint-x3d x3d_shallow_ntu60_xsub/joint 92.1 NTU60 X-Sub, keypoints, X3D-shallow
ntu60-limb-x3d x3d_shallow_ntu60_xsub/limb 91.6 NTU60 X-Sub, limbs, X3D-shallow
ntu60-xview-keypoint slowonly_r50_ntu60_xview/joint 96.5 NTU60 X-View, keypoints
ntu60-xview-limb slowonly_r50_ntu60_xview/limb 96.0 NTU60 X-View, limbs
ntu120-joint slowonly_r50_ntu120_xsub/joint 85.9 NTU120 X-Sub, limbs in the order of coco17_default_limbs
ntu120-limb slowonly_r50_ntu120_xsub/limb 85.9 NTU120 X-Sub, limbs
ntu120-xset-joint slowonly_r50_ntu120_xset/joint 89.7 NTU120 X-Set, limbs in the order of coco17_default_limbs
ntu120-xset-limb slowonly_r50_ntu120_xset/limb 89.7 NTU120 X-Set, limbs
k400-keypoint-346 slowonly_r50_346_k400/joint 47.3 Kinetics-400, keypoints, blocks (3, 4, 6)
k400-limb-346 slowonly_r50_346_k400/limb 46.9 Kinetics-400, limbs, blocks (3, 4, 6)
k400-keypoint-463 slowonly_r50_463_k400/joint 46.6 Kinetics-400, keypoints, blocks (4, 6, 3)
k400-limb-463 slowonly_r50_463_k400/limb 45.7 Kinetics-400, limbs, blocks (4, 6, 3)
ucf101-keypoint slowonly_r50_ucf101_k400p/s1_joint 86.9 UCF101 split 1, keypoints, K400-pretrained
hmdb51-keypoint slowonly_r50_hmdb51_k400p/s1_joint 69.4 HMDB51 split 1, keypoints, K400-pretrained
diving48-keypoint slowonly_r50_diving48/joint 54.5 Diving48 V2, keypoints
"""),
)
