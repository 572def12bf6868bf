"""Sessions: streams that outlive their connection. Bytes of PCM are their clock."""
