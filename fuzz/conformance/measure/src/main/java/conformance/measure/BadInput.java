package conformance.measure;

/** Bad arguments, or a fault of the harness; nothing was measured. */
final class BadInput extends RuntimeException {
    private static final long serialVersionUID = 1;

    BadInput(String message) {
        super(message);
    }
}
