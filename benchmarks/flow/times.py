"""Write times.json: how long flow reports take here, each command alone on the machine."""

import json
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from duotempo.core import provenance

HERE = Path(__file__).parent
RUN = "from duotempo.cli.app import main; main()"
TEXT = "Mara keeps a grey cat called Pippin. Her brother Tom moved to Lisbon in May and bakes. "
TEXT += "The rain fell on the harbour and the boats lay still until evening. " * 20
READERS = {
    "weights": ["--fast", "weights"],
    "weights-2": ["--fast", "weights", "--passes", "2"],
    "latents": ["--fast", "latents"],
    "latents-2": ["--fast", "latents", "--passes", "2"],
}


def timed(where: Path, *words: str) -> dict[str, object]:
    """Run a command of duotempo in a folder: what it was and its seconds from start to end."""
    begun = time.perf_counter()
    line = [sys.executable, "-c", RUN, *words, "--quiet"]
    subprocess.run(line, cwd=where, check=True, stdout=subprocess.DEVNULL)
    return {"command": " ".join(["duotempo", *words]), "seconds": time.perf_counter() - begun}


def main() -> None:
    """All of it takes about a quarter of an hour; reports of readers are kept too."""
    with TemporaryDirectory() as folder:
        where = Path(folder)
        (where / "diary.txt").write_text(TEXT, encoding="utf-8")
        rows = [timed(where, "flow"), timed(where, "flow", "needle", "--documents", "2")]
        for name, how in READERS.items():
            saved = f"{name}.state"
            timed(where, "read", "diary.txt", "--window", "64", *how, "--save", saved)
            report = ("--documents", "1", "--save", f"{name}.json")
            rows.append({**timed(where, "flow", saved, *report), "reader": " ".join(how)})
        for name in ("weights", "latents"):
            kept = json.loads((where / f"{name}.json").read_text(encoding="utf-8"))
            text = json.dumps(kept, separators=(",", ":")) + "\n"
            (HERE / f"reader-{name}.json").write_text(text, encoding="utf-8")
    found = {"commit": provenance.commit(), "machine": provenance.machine(), "rows": rows}
    (HERE / "times.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
