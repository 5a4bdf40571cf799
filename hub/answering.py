"""The process that answers heavy questions to the store: ``python -m hub.answering SOCKET``, started by ``hub.queries``.

Opens the store for reading with what comes first over the socket, and answers one question after the other. It ends with the
hub, even one that is killed. Nothing here knows the page or the records, so that the process stays small.
"""

import os
import select
import sys
import threading
import traceback
from multiprocessing.connection import Connection

from hub import memory
from hub.ports import Store


def serve(connection: Connection) -> None:
    """Each question is a function of the store and its arguments, each answer whether it worked and what came of it."""
    store: Store = connection.recv()()
    while True:
        question, arguments = connection.recv()
        try:
            answer = True, question(store, *arguments)
        except Exception as error:  # noqa: BLE001  it is raised where the question came from
            error.add_note(traceback.format_exc())
            answer = False, error
        connection.send(answer)
        del question, arguments, answer
        memory.give_back()


def _end_with_the_hub(socket: int) -> None:
    """Also in the middle of an answer. The system tells it; a clock would have to be trusted."""
    gone = select.poll()
    gone.register(socket, 0)  # a hang-up is always told
    gone.poll()
    os._exit(0)


def main() -> None:
    socket = int(sys.argv[1])
    os.nice(19)
    memory.keep_little()
    threading.Thread(target=_end_with_the_hub, args=(socket,), daemon=True).start()
    try:
        serve(Connection(socket))
    except (EOFError, ConnectionError):
        os._exit(0)  # the hub asks no more. At once: an orderly end makes DuckDB's binding complain about what is still open


if __name__ == "__main__":
    main()
