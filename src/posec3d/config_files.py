"""From a config file and one-off options to an `Experiment`: the file is Python and says `experiment = ...`."""

import ast
import difflib
import runpy
from collections.abc import Sequence
from dataclasses import MISSING
from dataclasses import fields
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from pydantic import ValidationError

from posec3d.experiment import Experiment
from posec3d.runtime.files import replacing
from posec3d.skeletons import SKELETONS
from posec3d.skeletons import Skeleton
from posec3d.skeletons import get_skeleton

_EXPERIMENT = TypeAdapter(Experiment)
# In an installed package, and in a checkout of the repository.
_SHIPPED = (Path(__file__).parent / "configs", Path(__file__).parents[2] / "configs" / "skeleton" / "posec3d")

_OF_ORIGINAL = ("configs", "skeleton", "posec3d")


def load_experiment(path: Path, options: Sequence[str] = ()) -> Experiment:
    """Run a config file and return its `experiment`, changed by options such as "training.epochs=30".

    Raises ValueError, naming the file or the option, for anything that does not fit.
    """
    path = find_config(path)
    try:
        names = runpy.run_path(str(path))
    except ValidationError as error:
        raise ValueError(f"{path}: {first_problem(error)}") from None
    except Exception as error:
        raise ValueError(f"{path}: the config file stops with {type(error).__name__}: {error}") from error
    experiment = names.get("experiment")
    if not isinstance(experiment, Experiment):
        hint = " (it is a config of mmaction2 or pyskl)" if "model" in names else ""
        raise ValueError(
            f"{path}: defines no `experiment = Experiment(...)`{hint}; start from a file in configs/skeleton/posec3d/"
        )
    return with_options(experiment, options)


def find_config(path: Path) -> Path:
    """Return a config file: the path as given, else the one of that name among those that come with the package.

    These go by their name alone, and by where they are in the original, configs/skeleton/posec3d/NAME.py.
    """
    if path.is_file() and path.suffix != ".py":
        raise ValueError(
            f"{path}: not a config file (.py); a config comes first, a checkpoint second, and an annotation file is "
            "given as --annotations FILE"
        )
    if path.is_file():
        return path
    for folder in _SHIPPED if path.parent == Path() or path.parts[-4:-1] == _OF_ORIGINAL else ():
        if (folder / f"{path.stem}.py").is_file():
            return folder / f"{path.stem}.py"
    shipped = sorted(file.stem for folder in _SHIPPED for file in folder.glob("*.py"))
    near = difflib.get_close_matches(path.stem, shipped, n=1)
    hint = f"did you mean {near[0]}?" if near else f"shipped: {', '.join(shipped)}"
    raise FileNotFoundError(f"{path}: no such config file; {hint}")


def save_config(path: Path, experiment: Experiment) -> None:
    """Write an experiment as a config file that `load_experiment` reads, naming only what differs from the defaults."""
    names = sorted(_class_names(experiment))
    imports = "".join(f"from {module} import {name}\n" for module, name in names)
    with replacing(path) as unfinished:
        unfinished.write_text(f"{imports}\nexperiment = {_source(experiment, 0)}\n", encoding="utf-8")


def _source(value: object, depth: int) -> str:
    """Return the Python that builds a value."""
    if isinstance(value, Skeleton) and SKELETONS.get(value.name) == value:
        return f"get_skeleton({value.name!r})"
    if not is_dataclass(value):
        return repr(value)
    inner, outer = "    " * (depth + 1), "    " * depth
    lines = [f"{inner}{name}={_source(given, depth + 1)},\n" for name, given in _changed(value)]
    return f"{type(value).__name__}(\n{''.join(lines)}{outer})" if lines else f"{type(value).__name__}()"


def _changed(value: Any) -> list[tuple[str, object]]:
    """Return the fields of a dataclass that are not at their defaults."""
    changed = []
    for entry in fields(value):
        given = getattr(value, entry.name)
        default = entry.default_factory() if entry.default_factory is not MISSING else entry.default
        if default is MISSING or given != default:
            changed.append((entry.name, given))
    return changed


def _class_names(value: object) -> set[tuple[str, str]]:
    if isinstance(value, Skeleton) and SKELETONS.get(value.name) == value:
        return {(get_skeleton.__module__, get_skeleton.__name__)}
    if not is_dataclass(value):
        return set()
    names = {(type(value).__module__, type(value).__name__)}
    return names.union(*(_class_names(given) for _, given in _changed(value)))


def with_options(experiment: Experiment, options: Sequence[str]) -> Experiment:
    """Return the experiment with options such as "data.train.split=xsub_train" or "network.stage_blocks=(2,2,2)" set.

    Raises ValueError for a name that is not there, with the nearest that is, and for a value that does not fit.
    """
    if not options:
        return experiment
    content: dict[str, Any] = _EXPERIMENT.dump_python(experiment)
    filled: set[str] = set()
    for option in options:
        name, separator, value = option.partition("=")
        if not separator:
            raise ValueError(f"option {option!r} has no value; write NAME=VALUE, such as training.epochs=30")
        _set(content, name, value, filled)
    return _validated(content, "options " + " ".join(options))


# What their users set on the command line most, in mmaction2 0.24.1 and 1.2.0 and pyskl.
_OF_OTHERS = {
    **dict.fromkeys(("optimizer.lr", "optim_wrapper.optimizer.lr"), "training.learning_rate"),
    **dict.fromkeys(("optimizer.weight_decay", "optim_wrapper.optimizer.weight_decay"), "training.weight_decay"),
    **dict.fromkeys(("optimizer.momentum", "optim_wrapper.optimizer.momentum"), "training.momentum"),
    **dict.fromkeys(("optimizer.type", "optim_wrapper.optimizer.type"), "training.optimizer"),
    **dict.fromkeys(("total_epochs", "train_cfg.max_epochs", "runner.max_epochs"), "training.epochs"),
    **dict.fromkeys(("evaluation.interval", "train_cfg.val_interval"), "training.validate_every"),
    **dict.fromkeys(("data.videos_per_gpu", "train_dataloader.batch_size"), "training.batch_size"),
    **dict.fromkeys(("data.workers_per_gpu", "train_dataloader.num_workers"), "--workers"),
    **dict.fromkeys(("model.cls_head.num_classes", "model.num_classes"), "data.num_classes"),
    **dict.fromkeys(("model.cls_head.dropout_ratio", "model.cls_head.dropout"), "network.dropout"),
    "model.backbone.base_channels": "network.base_channels",
    "load_from": "init",
    "resume_from": "--resume, with the same --work-dir",
    "work_dir": "--work-dir",
    "ann_file": "data.train.annotations",
    "data.train.ann_file": "data.train.annotations",
    "data.val.ann_file": "data.val.annotations",
    "data.test.ann_file": "data.test.annotations",
    "train_dataloader.dataset.ann_file": "data.train.annotations",
    "val_dataloader.dataset.ann_file": "data.val.annotations",
    "test_dataloader.dataset.ann_file": "data.test.annotations",
}


def _set(content: dict[str, Any], name: str, value: str, filled: set[str]) -> None:
    """Set one option. `filled` are the places where nothing was: what is given there is checked in the end."""
    *parents, last = name.split(".")
    place: Any = content
    for depth, part in enumerate([*parents, last]):
        parent = ".".join(parents[:depth]) or "an experiment"
        if parent in filled and isinstance(place, dict):
            place.setdefault(part, None)
        if not isinstance(place, dict) or part not in place:
            if name in _OF_OTHERS:
                raise ValueError(f"{name} is a field of mmaction2's and pyskl's configs; here it is {_OF_OTHERS[name]}")
            near = difflib.get_close_matches(part, place, n=1) if isinstance(place, dict) else []
            known = ", ".join(place) if isinstance(place, dict) else "none"
            hint = f"did you mean {near[0]!r}?" if near else f"it has {known}"
            raise ValueError(f"unknown option {name!r}: {parent} has no field {part!r}; {hint}")
        if depth < len(parents):
            if place[part] is None:
                place[part] = {}
                filled.add(".".join(parents[: depth + 1]))
            place = place[part]
    place[last] = _literal(value)


def _literal(text: str) -> object:
    """Read numbers, tuples, True, None; anything else is text as it stands."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _validated(content: dict[str, Any], origin: str) -> Experiment:
    try:
        return _EXPERIMENT.validate_python(content)
    except ValidationError as error:
        raise ValueError(f"{origin}: {first_problem(error)}") from None


def first_problem(error: ValidationError) -> str:
    """Return the first problem of many in one clause: the field, what is wrong, what was given."""
    problem = error.errors()[0]
    place = ".".join(str(part) for part in problem["loc"]) or "the experiment"
    message = problem["msg"].removeprefix("Value error, ")
    given = "" if isinstance(problem["input"], dict) else f" (given {problem['input']!r})"
    return f"{place}: {message[0].lower()}{message[1:]}{given}"


def differing_options(before: Experiment, after: Experiment) -> list[str]:
    """Return the names of all options in which two experiments differ, with both values."""

    def flat(value: object, name: str) -> dict[str, object]:
        if not isinstance(value, dict):
            return {name: value}
        return {key: leaf for part, child in value.items() for key, leaf in flat(child, f"{name}.{part}").items()}

    old, new = (flat(_EXPERIMENT.dump_python(experiment), "") for experiment in (before, after))
    return [
        f"{name[1:]} ({old.get(name)!r} before, {new.get(name)!r} asked for)"
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name)
    ]
