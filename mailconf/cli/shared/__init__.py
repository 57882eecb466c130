"""What more than one command uses: streams, progress, findings shown, help and completion of the tools."""
