"""The MCP server over streamable HTTP: a real client, and the protocol's own conformance suite."""

import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import anyio
import pytest

pytest.importorskip("mcp")

from mcp import Client

from duotempo.archive.people import Conversations

ROOT = Path(__file__).parent.parent.parent
EXPECTED = Path(__file__).parent / "conformance.yml"
SUITE = ("-p", "node@22", "-p", "@modelcontextprotocol/conformance@0.1.16", "conformance")


@pytest.fixture
def served(tmp_path):
    """`duotempo mcp --http` as a process of its own; its address, and the process."""
    words = ["--http", "--port", "0", "--user", "ana", "--store", str(tmp_path / "talks.db")]
    log = tmp_path / "stderr"
    with log.open("w") as stderr:  # a pipe that nobody reads would fill
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.serve.oracle_server", *words], cwd=ROOT, stderr=stderr
        )
    with process:
        while not (found := re.search(r"MCP on (http://127\.0\.0\.1:\d+/mcp)\n", log.read_text())):
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
        yield found[1], process
        process.kill()


def test_two_hosts_share_one_persons_memory_until_it_is_interrupted(served, tmp_path):
    url, process = served

    async def both():
        async with Client(url) as one, Client(url) as other:
            await one.call_tool("remember", {"text": "i live in oslo ."})
            return await other.call_tool("recall", {"question": "where do i live ?"})

    result = anyio.run(both)
    assert "turn 1, session 1, user: i live in oslo ." in result.content[0].text
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    with Conversations(tmp_path / "talks.db") as talks:
        assert talks.of("ana").sessions()[0].ended is not None


def suite(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the suite with the Node.js that it needs, which is a package too."""
    return subprocess.run(
        ["npx", "--yes", *SUITE, *words], cwd=folder, capture_output=True, text=True, timeout=150
    )


def test_it_conforms_but_for_what_is_listed_with_its_reason(served, tmp_path):
    if not shutil.which("npx") or not shutil.which("node"):
        pytest.skip("node and npx are not installed")
    try:
        there = suite(tmp_path, "list", "--server")
    except subprocess.TimeoutExpired:
        pytest.skip("the conformance suite could not be fetched in time")
    if there.returncode:
        pytest.skip(f"the conformance suite cannot be fetched: {there.stderr[-200:]}")
    url, _ = served
    done = suite(
        tmp_path, "server", "--url", url, "--suite", "all", "--expected-failures", str(EXPECTED)
    )
    assert done.returncode == 0, done.stdout[-3000:]
    passed = set(re.findall(r"✓ ([\w-]+):", done.stdout))
    assert {"server-initialize", "ping", "tools-list", "dns-rebinding-protection"} <= passed
