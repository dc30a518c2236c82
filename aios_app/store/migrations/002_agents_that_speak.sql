-- Codex, Claude and Gemini say themselves when a turn is over; before, their screens were watched for it.
UPDATE sessions SET finishes = 'turn', rev = rev + 1
WHERE kind IN ('codex', 'claude', 'gemini') AND finishes = 'silence';
