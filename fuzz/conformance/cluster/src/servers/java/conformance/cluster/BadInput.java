package conformance.cluster;

/** The command cannot be carried out; the message says why. */
public final class BadInput extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public BadInput(String message) {
        super(message);
    }
}
