"""
A client of "websockets", the library of Python, against an echo: says what
was agreed on, and of each kind of message how many came back as they were.
websockets_echo.py URL [BITS]
"""

import asyncio
import os
import sys

import websockets
from websockets.extensions import permessage_deflate


async def echo(ws, name, messages):
    async def send():
        for message in messages:
            await ws.send(message)

    sender = asyncio.ensure_future(send())
    same = 0

    for message in messages:
        same += await ws.recv() == message

    await sender
    print(f"{name}: {same} of {len(messages)}")


async def main(url, bits):
    factory = permessage_deflate.ClientPerMessageDeflateFactory(
        server_max_window_bits=bits,
        client_max_window_bits=bits or True,
    )

    line = ":alice!a@host PRIVMSG #room :message, caf\u00e9 \U0001f600 "

    async with websockets.connect(
        url, extensions=[factory], compression=None, max_size=32 << 20
    ) as ws:
        header = ws.response_headers.get("Sec-WebSocket-Extensions")
        print(f"extensions: {header}")

        await echo(ws, "text", ["", "hello", line * 20, "\u00e9" * 70000])
        await echo(ws, "binary", [b"", bytes(300), os.urandom(1),
                                  os.urandom(1000), b"ab" * 32768])
        await echo(ws, "large", [bytes(8 << 20), os.urandom(8 << 20),
                                 line * 50000])
        await echo(ws, "many", [line * (n % 12) + str(n)
                                for n in range(2000)])

        await asyncio.wait_for(await ws.ping("ping"), 5)
        print("pong: ping")

    print(f"closed: {ws.close_code}")


asyncio.run(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else None))
