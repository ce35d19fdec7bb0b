"""The staff's screens of the desk in every state, with sample values of the cast."""

from __future__ import annotations

from balie.web.screens import Screen

SCREENS: list[Screen] = []
