package conformance;

/** The input is not a dialogue, or not one of this schema. */
public final class BadDialogue extends RuntimeException {
    public BadDialogue(String message) {
        super(message);
    }
}
