"""Pictures: figures of profiles, colours and montages of fields and cells."""
