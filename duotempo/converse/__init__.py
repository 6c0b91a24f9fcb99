"""Conversation memory in one model: notes of sessions, a memory rebuilt from them, replies."""
