"""Resources of one's own, which handlers get by `resource.get`."""
