package findings;

/**
 * A defect of Kafka, reproduced on released classes. It is shown if Kafka does with the trigger what it must not do, and
 * does not do it when the same steps are taken without the trigger.
 */
public abstract class Finding {
    public final String name() {
        return getClass().getSimpleName();
    }

    /** What Kafka does wrong, in one sentence. */
    public abstract String summary();

    /** What the control leaves out. */
    public abstract String trigger();

    /** Takes the steps; true if Kafka did what it must not do. */
    public abstract boolean shows(Steps steps, boolean triggered) throws Exception;
}
