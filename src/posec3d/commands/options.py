"""Types of options that may be left out, as the help shows them: by what they take, without a word on None."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated
from typing import Literal
from typing import TypeVar

import tyro
from tyro.constructors import PrimitiveConstructorSpec

_Number = TypeVar("_Number", int, float)


def _number(read: Callable[[str], _Number], metavar: str, what: str) -> PrimitiveConstructorSpec[_Number | None]:
    """Say of what is no number that it is none; tyro's own message names every type that an option can have."""

    def from_words(words: list[str]) -> _Number:
        try:
            return read(words[0])
        except ValueError:
            raise ValueError(f"{words[0]!r} is not {what}") from None

    return PrimitiveConstructorSpec(
        nargs=1,
        metavar=metavar,
        instance_from_str=from_words,
        is_instance=lambda value: value is None or isinstance(value, int | float),
        str_from_instance=lambda value: [str(value)],
    )


OptionalPath = Annotated[Path | None, tyro.conf.arg(metavar="PATH", help_behavior_hint="")]
OptionalName = Annotated[str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="")]
OptionalNumber = Annotated[int | None, _number(int, "N", "a whole number"), tyro.conf.arg(help_behavior_hint="")]
OptionalSeconds = Annotated[
    float | None, _number(float, "SECONDS", "a number of seconds"), tyro.conf.arg(help_behavior_hint="")
]
OptionalRate = Annotated[
    float | None, _number(float, "RATE", "a number of frames a second"), tyro.conf.arg(help_behavior_hint="")
]
Models = Annotated[
    tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="NAME|PATH", help_behavior_hint="")
]
OptionalSize = Annotated[tuple[int, int] | None, tyro.conf.arg(metavar="HEIGHT WIDTH", help_behavior_hint="")]
OptionalRuntime = Annotated[Literal["torch", "onnx", "openvino"] | None, tyro.conf.arg(help_behavior_hint="")]
Changes = Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME=VALUE ...", help_behavior_hint="")]
