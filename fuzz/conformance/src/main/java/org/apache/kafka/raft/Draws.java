package org.apache.kafka.raft;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * Gives the raft client the random numbers that the dialogue's node drew in this step. The list also has draws of the
 * network layer: one is taken if its bound is the one that is asked for, others are passed over.
 */
final class Draws extends Random {
    /** A number below {@code bound} that the node drew. */
    record Draw(int bound, int value) {
    }

    private List<Draw> draws = List.of();
    private int next;
    private Runnable onMissing = () -> { };
    private Random source = null;
    private final List<int[]> drawn = new ArrayList<>();

    void begin(List<Draw> draws, Runnable onMissing) {
        this.draws = draws;
        this.next = 0;
        this.onMissing = onMissing;
    }

    /** For recordings: really draws, and remembers what. */
    void drawFrom(Random source) {
        this.source = source;
    }

    List<int[]> takeDrawn() {
        List<int[]> result = List.copyOf(drawn);
        drawn.clear();
        return result;
    }

    @Override
    public int nextInt(int bound) {
        if (source != null) {
            int value = source.nextInt(bound);
            drawn.add(new int[] {bound, value});
            return value;
        }
        for (int i = next; i < draws.size(); i++) {
            if (draws.get(i).bound() == bound) {
                next = i + 1;
                return draws.get(i).value();
            }
        }
        onMissing.run();
        return 0;
    }
}
