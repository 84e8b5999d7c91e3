package conformance.disks;

/** Bad arguments, or a fault of the harness; nothing was compared. */
final class BadInput extends RuntimeException {
    private static final long serialVersionUID = 1;

    BadInput(String message) {
        super(message);
    }
}
