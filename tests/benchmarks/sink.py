"""A store that takes everything and keeps nothing: stands in for an InfluxDB 2 server, whose write API is not in Debian's 1.6.

python tests/benchmarks/sink.py          prints its port; POST /api/v2/write counts lines, GET /count tells them"""

import asyncio
import gzip


class Sink:
    def __init__(self) -> None:
        self.lines = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while request := (await reader.readuntil(b"\r\n\r\n")).decode("latin-1"):
                headers = {
                    name.lower(): value.strip()
                    for name, _, value in (line.partition(":") for line in request.split("\r\n")[1:] if line)
                }
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                answer = b""
                if request.startswith("POST"):
                    text = gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body
                    self.lines += len([line for line in text.split(b"\n") if line])
                    writer.write(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n")
                else:
                    answer = str(self.lines).encode()
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(answer), answer))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


async def main() -> None:
    server = await asyncio.start_server(Sink().serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
