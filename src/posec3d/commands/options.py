"""Types of options that may be left out, as the help shows them: by what they take, without a word on None."""

from pathlib import Path
from typing import Annotated
from typing import Literal

import tyro

OptionalPath = Annotated[Path | None, tyro.conf.arg(metavar="PATH", help_behavior_hint="")]
OptionalName = Annotated[str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="")]
OptionalNumber = Annotated[int | None, tyro.conf.arg(metavar="N", help_behavior_hint="")]
OptionalSeconds = Annotated[float | None, tyro.conf.arg(metavar="SECONDS", help_behavior_hint="")]
OptionalModel = Annotated[str | None, tyro.conf.arg(metavar="NAME|PATH", help_behavior_hint="")]
OptionalSize = Annotated[tuple[int, int] | None, tyro.conf.arg(metavar="HEIGHT WIDTH", help_behavior_hint="")]
OptionalRuntime = Annotated[Literal["torch", "onnx", "openvino"] | None, tyro.conf.arg(help_behavior_hint="")]
Changes = Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME=VALUE ...", help_behavior_hint="")]
