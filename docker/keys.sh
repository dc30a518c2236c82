# Keys of the agents' services, from the secrets of docker-compose.yml. Only login shells read this, and agents start
# in one, so that nothing else has the keys in its environment.
for name in ANTHROPIC_API_KEY CODEX_API_KEY GEMINI_API_KEY GOOGLE_API_KEY OPENAI_API_KEY; do
    if [ -s "/run/secrets/$name" ]; then
        export "$name=$(cat "/run/secrets/$name")"
    fi
done
unset name
