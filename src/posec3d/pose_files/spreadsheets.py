"""Poses as a table in a .csv file: a row a keypoint, a row a frame, or DeepLabCut's three lines of header."""

import csv
import re
from collections import defaultdict
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posec3d.pose_files.contents import FileVideo
from posec3d.pose_files.contents import Person
from posec3d.pose_files.contents import identity_of
from posec3d.pose_files.contents import last_number
from posec3d.pose_files.contents import stem_of
from posec3d.pose_files.contents import without_gaps
from posec3d.skeletons import spelt_out

# Of several the first in this order counts: MediaPipe writes visibility and presence.
_SCORES = "score|confidence|likelihood|visibility|presence|conf|c|v"
_COLUMN = re.compile(rf"(?P<keypoint>.+?)[_. ](?P<part>x|y|{_SCORES})", re.IGNORECASE)
_FRAME = ("frame", "frame_id", "frame_number", "frame_index", "frame_idx", "image_id", "image")
_PERSON = ("person", "person_id", "track_id", "individual")
_BOXES = ("bbox", "box", "bounding_box")
_KEYPOINT = ("keypoint", "keypoint_name", "landmark", "joint", "bodypart")
_FORMS = (
    "write a row a keypoint (frame, person, keypoint, x, y, score; person and score may be left out), or a row a frame "
    "(frame, person, nose_x, nose_y, nose_score, ...)"
)


# Person (DeepLabCut's tables only), keypoint, part.
_Column = tuple[str | None, str, str]


@dataclass(frozen=True)
class _Cell:
    """One number of the table; `person` and `keypoint` are None if the row says them, or nobody does."""

    frame: int
    person: str | None
    keypoint: str
    part: str
    value: float
    line: int


def spreadsheet_video(path: Path) -> FileVideo:
    """Return the video of a table, whose first line names the columns, in capitals or not.

    An empty cell, or NaN, is a missing keypoint. Frames that are passed over have nobody in them. Columns that are
    none of these (z, times, labels, boxes, scores of whole people) are left out. Commas, semicolons and tabs part
    cells; with semicolons, a comma may be the decimal point.
    """
    keypoints: dict[str, int] = {}
    people: dict[int, dict[str | None, dict[tuple[str, str], _Cell]]] = defaultdict(lambda: defaultdict(dict))
    for cell in _cells(path):
        keypoints.setdefault(cell.keypoint, len(keypoints))
        of_person = people[cell.frame][cell.person]
        before = of_person.setdefault((cell.keypoint, cell.part), cell)
        if before is not cell:
            raise ValueError(
                f"{path}: line {cell.line}: {cell.part} of keypoint {cell.keypoint!r} in frame {cell.frame} is in line "
                f"{before.line} already; add a column person where there are several people"
            )
    if not people:
        raise ValueError(f"{path}: has no row of keypoints; {_FORMS}")
    names: list[str] | None = list(keypoints)
    if all(name.isdecimal() for name in keypoints):
        names = None
        keypoints = {str(place): place for place in range(max(map(int, keypoints)) + 1)}
    frames = {
        number: [_person(cells, keypoints, identity, number) for identity, cells in frame.items()]
        for number, frame in people.items()
    }
    first = min(frames)
    return FileVideo(stem_of(path), without_gaps(frames, first, str(path)), first, keypoints=names)


def _person(
    cells: Mapping[tuple[str, str], _Cell], places: Mapping[str, int], identity: str | None, frame: int
) -> Person:
    keypoints = np.full((len(places), 2), np.nan)
    scores = np.ones(len(places))
    for (name, part), cell in cells.items():
        place = places[name]
        if part in ("x", "y"):
            keypoints[place, "xy".index(part)] = cell.value
        else:
            scores[place] = cell.value
    return Person(keypoints, scores, identity_of(identity), f"frame {frame}")


def _cells(path: Path) -> Iterator[_Cell]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = file.readline()
            delimiter = max(",;\t", key=header.count)
            file.seek(0)
            rows = ((count, row) for count, row in enumerate(csv.reader(file, delimiter=delimiter), 1) if any(row))
            yield from _cells_of_rows(rows, delimiter == ";", path)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not text in UTF-8 ({error.reason}); save the table as UTF-8") from None
    except csv.Error as error:
        raise ValueError(f"{path}: not a table of comma-separated values ({error}); {_FORMS}") from None


def _cells_of_rows(rows: Iterator[tuple[int, Sequence[str]]], decimal_comma: bool, path: Path) -> Iterator[_Cell]:
    _, first = next(rows, (1, ("nothing",)))
    header = [name.strip() for name in first]
    lower = [name.lower() for name in header]
    frame, person, keypoint = (_place(lower, names) for names in (_FRAME, _PERSON, _KEYPOINT))
    columns: dict[int, _Column] = {}
    if lower[0] == "scorer":
        columns = _deeplabcut_columns(rows, path)
        frame = 0
    elif keypoint is not None and frame is not None and {"x", "y"} <= set(lower):
        columns = {place: (None, "", _part(name)) for place, name in enumerate(lower) if _is_part(name)}
    else:
        keypoint = None
        for place, name in enumerate(header):
            if found := _COLUMN.fullmatch(name):
                columns[place] = (None, _plain(found["keypoint"]), _part(found["part"]))
        columns = _of_keypoints(columns, path)
    columns = _one_score(columns, lower)
    if not {"x", "y"} <= {part for _, _, part in columns.values()}:
        raise ValueError(f"{path}: its columns are {', '.join(header[:8])}; {_FORMS}")
    for count, (line, row) in enumerate(rows):
        if len(row) < len(header):
            raise ValueError(f"{path}: line {line} has {len(row)} cells, the header {len(header)}; complete it")
        number = count if frame is None else _frame_number(row[frame], path, line)
        who = None if person is None else row[person].strip() or None
        for place, (column_person, column_keypoint, part) in columns.items():
            name = column_keypoint if keypoint is None else _keypoint_name(row[keypoint], path, line)
            value = _number(row[place], decimal_comma, path, line, header[place])
            yield _Cell(number, column_person or who, name, part, value, line)


def _of_keypoints(columns: Mapping[int, _Column], path: Path) -> dict[int, _Column]:
    """Leave out what has a score and no place, such as person_score, and boxes around people.

    Raises ValueError for slips of spelling: x without y, or a score of a keypoint that is spelt otherwise.
    """
    parts: defaultdict[str, set[str]] = defaultdict(set)
    for _, name, part in columns.values():
        parts[name].add(part)
    located = {name for name, found in parts.items() if {"x", "y"} <= found and name.lower() not in _BOXES}
    spelt = {spelt_out(name) for name in located}
    for name, found in parts.items():
        if located and name not in located and name.lower() not in _BOXES:
            missing = sorted({"x", "y"} - found)
            if len(missing) == 1 or spelt_out(name) in spelt:
                raise ValueError(
                    f"{path}: columns of {name!r} lack {' and '.join(missing)}; spell all columns of a keypoint alike"
                )
    return {place: column for place, column in columns.items() if column[1] in located}


def _one_score(columns: Mapping[int, _Column], header: Sequence[str]) -> dict[int, _Column]:
    """Leave out all columns of scores of one keypoint but the best known."""
    ranks = {name: rank for rank, name in enumerate(_SCORES.split("|"))}

    def rank(place: int) -> int:
        return ranks.get(re.split(r"[_. ]", header[place])[-1], len(ranks))

    best: dict[_Column, int] = {}
    for place in sorted(columns, key=rank):
        best.setdefault(columns[place], place)
    return {place: column for place, column in columns.items() if column[2] != "score" or best[column] == place}


def _deeplabcut_columns(rows: Iterator[tuple[int, Sequence[str]]], path: Path) -> dict[int, _Column]:
    lines: dict[str, Sequence[str]] = {}
    for _, row in rows:
        lines[row[0].strip().lower()] = row
        if "coords" in lines:
            break
    if not {"bodyparts", "coords"} <= lines.keys():
        raise ValueError(
            f"{path}: starts as DeepLabCut's tables do, but has no lines 'bodyparts' and 'coords'; add them"
        )
    individuals = lines.get("individuals")
    if len({len(lines[name]) for name in ("individuals", "bodyparts", "coords") if name in lines}) > 1:
        raise ValueError(f"{path}: its lines of bodyparts and coords are not of one length; complete them")
    return {
        place: (individuals[place] if individuals else None, keypoint, _part(part.lower()))
        for place, (keypoint, part) in enumerate(zip(lines["bodyparts"], lines["coords"], strict=True))
        if _is_part(part.lower())
    }


def _place(header: Sequence[str], names: Sequence[str]) -> int | None:
    return next((header.index(name) for name in names if name in header), None)


def _is_part(name: str) -> bool:
    return re.fullmatch(rf"x|y|{_SCORES}", name) is not None


def _part(name: str) -> str:
    return name.lower() if name.lower() in ("x", "y") else "score"


def _frame_number(text: str, path: Path, line: int) -> int:
    """Return the number of a frame: 12 of "12", "12.0" and "frame_012.png"."""
    number = last_number(re.sub(r"\.0+$", "", text.strip()))
    if number is None:
        raise ValueError(f"{path}: line {line}: frame is {text!r}; write its number")
    return number


def _keypoint_name(text: str, path: Path, line: int) -> str:
    if not text.strip():
        raise ValueError(f"{path}: line {line}: no keypoint; write its name, or its number counted from 0")
    return _plain(text.strip())


def _plain(keypoint: str) -> str:
    """Return a keypoint's number without zeros in front, and a name as it is."""
    return str(int(keypoint)) if keypoint.isdecimal() else keypoint


def _number(text: str, decimal_comma: bool, path: Path, line: int, column: str) -> float:
    text = text.strip()
    if not text:
        return float("nan")
    try:
        return float(text.replace(",", ".") if decimal_comma else text)
    except ValueError:
        raise ValueError(f"{path}: line {line}: {column} is {text!r}, which is no number; correct it") from None
