"""What the tests stand on: a real engine, real repositories, the real server process."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
