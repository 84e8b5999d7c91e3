package org.apache.kafka.controller;

import org.apache.kafka.common.Uuid;

import java.nio.ByteBuffer;
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
 * {@code Uuid.randomUuid} by a security provider, so that it draws the same ids. Kafka draws a topic's id when its replicas are
 * placed, the model before, and in vain if they cannot be: so ids are those of the topics that the model created.
 */
final class Draws extends Random {
    private static final SecureRandom REAL = new SecureRandom();
    /** Of the step that the queue's thread is in. */
    private static volatile Draws current;

    private static final int BYTE = 256;
    private static final int ID_BYTES = 16;

    private final Deque<int[]> placements = new ArrayDeque<>();
    private final Deque<byte[]> ids = new ArrayDeque<>();
    private Runnable onMissing = () -> { };

    /** Before anything draws an id. */
    static void install() {
        Security.insertProviderAt(new Ids(), 1);
    }

    /** @param created the ids of the topics that the model has created in this step */
    void begin(List<int[]> draws, List<Uuid> created, Runnable onMissing) {
        this.onMissing = onMissing;
        placements.clear();
        ids.clear();
        ByteBuffer drawn = ByteBuffer.allocate(draws.size());
        for (int[] draw : draws) {
            if (draw[0] == BYTE) {
                drawn.put((byte) draw[1]);
            } else {
                placements.add(draw);
            }
        }
        drawn.flip();
        while (created.isEmpty() && drawn.remaining() >= ID_BYTES) {
            byte[] id = new byte[ID_BYTES];
            drawn.get(id);
            ids.add(id);
        }
        for (Uuid id : created) {
            ids.add(ByteBuffer.allocate(ID_BYTES).putLong(id.getMostSignificantBits())
                .putLong(id.getLeastSignificantBits()).array());
        }
        current = this;
    }

    /** How many of the placer's were not asked for. */
    int left() {
        return placements.size();
    }

    @Override
    public int nextInt(int bound) {
        int[] draw = placements.poll();
        if (draw == null || draw[0] != bound) {
            onMissing.run();
            return 0;
        }
        return draw[1];
    }

    private void nextId(byte[] bytes) {
        byte[] id = ids.poll();
        if (id == null || id.length != bytes.length) {
            onMissing.run();
        } else {
            System.arraycopy(id, 0, bytes, 0, id.length);
        }
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
            draws.nextId(bytes);
        }

        @Override
        protected byte[] engineGenerateSeed(int bytes) {
            return REAL.generateSeed(bytes);
        }
    }
}
