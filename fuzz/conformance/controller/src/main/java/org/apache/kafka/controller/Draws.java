package org.apache.kafka.controller;

import java.security.Provider;
import java.security.SecureRandom;
import java.security.SecureRandomSpi;
import java.security.Security;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Random;

/**
 * Gives the controller the random numbers that the dialogue's node drew in this step: to the placer, and to
 * {@code Uuid.randomUuid} by a security provider, so that it draws the same ids. One by one, in order, with the same bounds.
 */
final class Draws extends Random {
    private static final SecureRandom REAL = new SecureRandom();
    /** Of the step that the queue's thread is in. */
    private static volatile Draws current;

    private static final int BYTE = 256;

    private final Deque<int[]> draws = new ArrayDeque<>();
    private Runnable onMissing = () -> { };

    /** Before anything draws an id. */
    static void install() {
        Security.insertProviderAt(new Ids(), 1);
    }

    void begin(List<int[]> drawn, Runnable whenMissing) {
        draws.clear();
        draws.addAll(drawn);
        onMissing = whenMissing;
        current = this;
    }

    /** How many were not asked for. */
    int left() {
        return draws.size();
    }

    @Override
    public int nextInt(int bound) {
        int[] draw = draws.poll();
        if (draw == null || draw[0] != bound) {
            onMissing.run();
            return 0;
        }
        return draw[1];
    }

    private static final class Ids extends Provider {
        Ids() {
            super("Dialogue", "1", "ids that a dialogue has drawn");
            put("SecureRandom.Dialogue", Bytes.class.getName());
        }
    }

    /** For the queue's thread what was drawn, for all others really random. */
    public static final class Bytes extends SecureRandomSpi {
        @Override
        protected void engineSetSeed(byte[] seed) {
        }

        @Override
        protected void engineNextBytes(byte[] bytes) {
            Draws draws = current;
            if (draws == null || !Thread.currentThread().getName().startsWith(ReleasedController.THREAD)) {
                REAL.nextBytes(bytes);
                return;
            }
            for (int i = 0; i < bytes.length; i++) {
                bytes[i] = (byte) draws.nextInt(BYTE);
            }
        }

        @Override
        protected byte[] engineGenerateSeed(int bytes) {
            return REAL.generateSeed(bytes);
        }
    }
}
