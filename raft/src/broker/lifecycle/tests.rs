//! A broker's life against a controller that answers by hand.
