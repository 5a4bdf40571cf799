"""Runs one vendor's JavaScript codec in a process of its own: ``python -I lora_codec_child.py CODEC.js``. Not an adapter.

Says "ready", then reads a request a line from standard input and answers each with one line on standard output, both JSON:

    {"fPort": 1, "bytes": "00ff", "recvTime": 1767225600000}  ->  {"data": …} or {"errors": […]} or {"failed": "why"}

The codec has the language and nothing else: no files, network, timers or modules. The engine stops it after ``CPU`` seconds
or ``MEMORY`` bytes; what the engine cannot stop, such as sorting an array of four thousand million, the parent ends by killing
this process. Beyond the engine, this process itself may open no file, write none, and hold no more than ``PROCESS`` bytes.
"""

import json
import resource
import sys
from contextlib import suppress
from typing import Any

CPU = 0.05
MEMORY = 32 << 20
PROCESS = 512 << 20
LONGEST_SOURCE = 2 << 20
LONGEST_ANSWER = 64 << 10
LOADING = 1.0


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:  # noqa: PTH123 - pathlib would double this process's start
        source = file.read(LONGEST_SOURCE + 1)
    context: Any = None
    confine()
    with suppress(Exception):  # said again to whoever asks
        context = load(source)
    print("ready", flush=True)
    while line := sys.stdin.readline():
        try:
            if context is None:
                context = load(source)
            answer = ask(context, json.loads(line))
        except Exception as problem:  # noqa: BLE001 - whatever a codec does, its caller is told
            context = None
            answer = json.dumps({"failed": (str(problem).strip().splitlines() or [type(problem).__name__])[0][:200]})
        print(answer, flush=True)


def confine() -> None:
    import _quickjs  # noqa: F401 - the last file this process opens

    for what, most in (
        (resource.RLIMIT_AS, PROCESS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 3),
        (resource.RLIMIT_NPROC, 0),
    ):
        resource.setrlimit(what, (most, most))


def load(source: str) -> Any:
    """A new engine with the codec in it. Raises whatever the codec does on loading."""
    import _quickjs

    if len(source) > LONGEST_SOURCE:
        raise ValueError(f"the codec is longer than {LONGEST_SOURCE} characters")
    context = _quickjs.Context()
    context.set_memory_limit(MEMORY)
    context.set_time_limit(LOADING)
    context.eval(source)
    if context.eval("typeof decodeUplink") != "function":
        raise ValueError("the codec has no function decodeUplink(input)")
    context.set_time_limit(CPU)
    return context


def ask(context: Any, request: dict[str, Any]) -> str:
    octets = ",".join(map(str, bytes.fromhex(request["bytes"])))
    asked = f"{{fPort:{int(request['fPort'])},bytes:[{octets}],recvTime:new Date({int(request['recvTime'])}),variables:{{}}}}"
    answer = context.eval(f"JSON.stringify(decodeUplink({asked}))")
    if type(answer) is not str or not answer.startswith("{"):
        raise ValueError("decodeUplink gave no object")
    if len(answer) > LONGEST_ANSWER:
        raise ValueError(f"decodeUplink gave more than {LONGEST_ANSWER} characters")
    return json.dumps(json.loads(answer))  # one line, and JSON in Python's eyes too


if __name__ == "__main__":
    main()
