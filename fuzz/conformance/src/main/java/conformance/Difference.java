package conformance;

/**
 * Something in which the model and the released client differ.
 *
 * @param name the class: short, stable, what known differences are named by
 * @param model what the model did or was, empty if it did nothing
 * @param kafka the same of the released client
 */
record Difference(String name, String model, String kafka) {
    private static final int LONGEST = 600;

    static Difference of(String name, Object model, Object kafka) {
        return new Difference(name, text(model), text(kafka));
    }

    /**
     * Whether the released client has left the model's path, so that what follows would be compared in vain: it waits for
     * an answer that will not come, has another log, or is gone.
     */
    boolean isParting() {
        return switch (name) {
            case "state.role", "state.epoch", "state.leader", "state.log_end", "state.log_start", "state.last_epoch",
                 "appended.missing", "appended.extra", "appended.batch", "truncated.missing", "truncated.extra",
                 "truncated.end", "response.unexpected", "append.result", "upgrade.result", "snapshot.create", "snapshot.bytes",
                 "state.earliest_snapshot", "state.latest_snapshot", "state.voters", "state.kraft_version" -> true;
            default -> name.startsWith("halt.") || name.startsWith("log_replaced.") || name.startsWith("snapshot_written.")
                || name.startsWith("snapshot_frozen.") || name.startsWith("record.") || name.startsWith("appended.")
                || name.startsWith("send.") && (name.endsWith(".missing") || name.endsWith(".extra"));
        };
    }

    private static String text(Object value) {
        String text = value == null ? "" : value.toString();
        return text.length() <= LONGEST ? text : text.substring(0, LONGEST) + "...";
    }
}
