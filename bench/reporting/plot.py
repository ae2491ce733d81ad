# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs gnuplot."""
import os
import shutil
import subprocess


def quoted(text):
    """In a script of gnuplot's, which runs what stands between backquotes in double quotes"""
    return "'%s'" % "".join(c if c.isprintable() else " " for c in text).replace("'", "''")


def known():
    return bool(shutil.which("gnuplot"))


def draw(folder, name, height, lines):
    """NAME.svg, of a script's lines; its text. None: no gnuplot, or it could not, or the disk is full."""
    if not known():
        return None
    svg = name + ".svg"
    script = ["set terminal svg size 900,%d dynamic font 'sans,12' noenhanced" % height, "set output " + quoted(svg)] + lines
    done = subprocess.run(["gnuplot"], input="\n".join(script) + "\n", text=True, capture_output=True, check=False, cwd=folder)
    try:
        with open(os.path.join(folder, svg), encoding="utf-8") as stream:
            text = stream.read()
    except FileNotFoundError:
        return None
    if done.returncode or "<svg" not in text or "</svg>" not in text:
        os.unlink(os.path.join(folder, svg))
        return None
    return text[text.index("<svg"):]
