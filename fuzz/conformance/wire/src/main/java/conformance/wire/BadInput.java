package conformance.wire;

/** Bad arguments, or files that are not what the simulator writes; nothing was compared. */
final class BadInput extends RuntimeException {
    private static final long serialVersionUID = 1;

    BadInput(String message) {
        super(message);
    }
}
