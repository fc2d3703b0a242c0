"""The command line: a table of commands, and one way to say what went wrong."""

import difflib
import errno
import importlib
import io
import logging
import os
import re
import signal
import sys
import traceback
from collections.abc import Collection
from collections.abc import Sequence

COMMANDS = {
    "recognize": "Tell what people do in a video, in pictures or in a pose file.",
    "stream": "The same while it happens: webcam, network camera, or a file as if it were one.",
    "serve": "A page in the browser to drop videos on, and an address for programs to send them to.",
    "visualize": "Draw poses, heatmaps, and which joints and moments made the decision.",
    "extract": "Find the people of many videos, for training.",
    "demo": "Film generated motions, find the people, train, test, fuse and draw: the whole product in some minutes.",
    "check": "Tell all that is wrong in an annotation file.",
    "pack": "Put annotation files into a store, which trains in little memory whatever its size.",
    "train": "Train a network, from a config or from an annotation file alone.",
    "test": "Score videos with a checkpoint, and measure.",
    "timeline": "Measure what recognize --window told of long videos, against what happens in them and when.",
    "features": "Write what a network sees in each video, for search and classifiers of your own.",
    "robustness": "Measure what is lost when poses are worse: keypoints dropped, noise, frames missing.",
    "export": "Write a model as one file for ONNX Runtime, OpenVINO or torch, 8-bit if asked.",
    "fuse": "Add up the scores of several models.",
    "download": "Fetch published annotations and weights.",
}


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command that the process was started for; stopped while it ends, it ends without a word.

    A request to terminate is one to stop: what is kept then is kept as well.
    """
    _open_what_is_closed()
    terminated = []

    def stop(number: int, _: object) -> None:
        # Once: a second one must not interrupt what is kept, nor workers that end by theirs. By a function, as Python
        # complains of signals on their way that nobody is there to hear any more.
        for name in ("SIGTERM", "SIGCHLD"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), lambda *_: None)
        terminated.append(number)
        raise KeyboardInterrupt

    heard = [signal.SIGINT]
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_IGN:
        heard.append(signal.SIGTERM)
        signal.signal(signal.SIGTERM, stop)
        if hasattr(os, "register_at_fork"):
            # Processes that are started meanwhile end at once.
            os.register_at_fork(after_in_child=lambda: signal.signal(signal.SIGTERM, signal.SIG_DFL))
    try:
        status = main(arguments)
    except KeyboardInterrupt:
        # Everything had been done.
        status = 130
    finally:
        for number in heard:
            if number not in terminated:
                signal.signal(number, signal.SIG_DFL)
    return 128 + terminated[0] if terminated else status


def _open_what_is_closed() -> None:
    """Let what is written to a closed output go nowhere, here and in processes that are started.

    The next file that is opened would take its place.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status: 2 with one sentence for what a user can mend."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    given = [argument for argument in given if argument != "--debug"]
    command = given[0] if given else "--help"
    if command not in (*COMMANDS, "-h", "--help", "--version"):
        near = difflib.get_close_matches(command.lower(), COMMANDS, n=1, cutoff=0.65)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(COMMANDS)}"
        return _complain(f"no command {command!r}; {hint}")
    if isinstance(sys.stdout, io.TextIOWrapper):
        # File names may hold what the terminal's encoding does not.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        if command in COMMANDS:
            _run(command, given[1:])
        else:
            print(_version() if command == "--version" else _overview())
        sys.stdout.flush()
        return 0
    except KeyboardInterrupt as stop:
        # A command may say what is left of it.
        return _complain("; ".join(["stopped", *map(str, stop.args)]), status=130)
    except BrokenPipeError:
        # Whoever reads the output has closed it, as `| head` does.
        _forget_what_cannot_be_printed()
        return 0
    except (ValueError, KeyError, OSError, ImportError, MemoryError) as error:
        if debug:
            traceback.print_exc()
        try:
            sys.stdout.flush()
        except OSError:
            _forget_what_cannot_be_printed()
        return _complain(_sentence(error))
    except RuntimeError as error:
        # torch's own errors for memory; any other is a defect, and its traceback is wanted.
        if debug or not re.search(r"out of memory|can't allocate memory|not enough memory", str(error)):
            raise
        return _complain(_sentence(MemoryError()))


def _forget_what_cannot_be_printed() -> None:
    """Let it go nowhere: Python would try once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(command: str, arguments: list[str]) -> None:
    import tyro
    from tqdm.contrib.logging import logging_redirect_tqdm

    from posec3d.runtime.openmp import wait_briefly

    wait_briefly()

    # A logger of the package, so that other packages stay quiet.
    logger = logging.getLogger("posec3d")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.handlers[:] = [handler]
    module = importlib.import_module(f"posec3d.commands.{command}")
    arguments = _without(arguments, getattr(module, "DONE_ANYWAY", ()))
    for argument in arguments:
        said_now = getattr(module, "REFUSED", {}).get(argument.split("=")[0])
        if said_now is not None:
            raise ValueError(f"{argument.split('=')[0]} is an option of mmaction2: {said_now}")
    with logging_redirect_tqdm(loggers=[logger]):
        tyro.cli(getattr(module, command), args=arguments, prog=f"posec3d {command}")


def _without(arguments: Sequence[str], options: Collection[tuple[str, str]]) -> list[str]:
    """Leave out options of the original with the value that says what is done anyway: --launcher none."""
    kept: list[str] = []
    for argument in arguments:
        name, _, value = argument.partition("=")
        if (name, value) in options:
            continue
        if kept and (kept[-1], argument) in options:
            kept.pop()
        else:
            kept.append(argument)
    return kept


def _version() -> str:
    from posec3d import __version__

    return f"posec3d {__version__}"


def _overview() -> str:
    rows = "\n".join(f"  {name:11}{purpose}" for name, purpose in COMMANDS.items())
    return (
        "Recognise human actions from poses with PoseC3D.\n\n"
        f"usage: posec3d COMMAND ...\n\n{rows}\n\n"
        "posec3d COMMAND --help   options and examples of a command\n"
        "posec3d --version        the version\n"
        "--debug                  with any command: the traceback of an error"
    )


def _sentence(error: BaseException) -> str:
    if isinstance(error, PermissionError) and error.filename:
        return f"{error.filename}: permission denied; give another place, or the right to read or write there"
    if isinstance(error, OSError):
        # Without a name and a mend, what is told is ours.
        mend = _MENDS.get(error.errno or 0)
        name = error.filename or (mend and "what is written")
        reason = error.strerror or (str(error) if name is None else "cannot be read or written")
        return "; ".join([f"{name}: {reason}" if name else reason, *([mend] if mend else [])])
    if isinstance(error, MemoryError):
        return "out of memory; take less at once: a smaller --batch-size, --window, canvas or picture"
    if type(error).__name__ == "ValidationError":
        from posec3d.config_files import first_problem

        return first_problem(error)  # type: ignore[arg-type]  # pydantic is not imported for the sake of a type.
    return str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)


# What to do about errors of the system.
_MENDS = {
    errno.ENOSPC: "make room on that disk, or write to another",
    errno.EDQUOT: "make room in what you may take of that disk, or write to another",
    errno.EFBIG: "write to a disk that takes larger files, or raise the limit (ulimit -f)",
    errno.EROFS: "write to another place",
}


def _complain(message: str, status: int = 2) -> int:
    print(f"posec3d: {message}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(run())
