"""The recurrent particle tracker: past and future of every track, read by one network."""
