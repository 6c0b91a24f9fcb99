"""Sleep: evicted text becomes candidates for the fast state, pass by pass."""
