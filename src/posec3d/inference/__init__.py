"""The user's face: from poses to an action."""
