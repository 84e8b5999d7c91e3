package org.apache.kafka.controller;

import org.apache.kafka.common.utils.Time;
import org.apache.kafka.controller.metrics.QuorumControllerMetrics;
import org.apache.kafka.queue.EventQueue;
import org.apache.kafka.queue.KafkaEventQueue;

import java.util.Optional;

/**
 * Lets the thread of the controller's event queue run one event in each turn. The queue is Kafka's own. Its events tell
 * the metrics when they start: there one waits until it is its turn, and prepends a barrier, so that the thread waits there
 * before it takes the next event, without a lock. Events with a deadline that has passed tell the metrics that they failed.
 */
final class Gate extends QuorumControllerMetrics {
    private static final long PATIENCE_MS = 60_000;

    private KafkaEventQueue queue;
    private long turn = 0;
    /** An event may start in this turn. */
    private boolean permit = false;
    private boolean resting = false;
    private boolean ran = false;
    private boolean throwing = false;
    /** All run freely. */
    private boolean open = false;

    Gate(Time time) {
        super(Optional.empty(), time, 0);
    }

    /** Takes control; the queue is empty. */
    synchronized void attach(KafkaEventQueue queue) {
        this.queue = queue;
        queue.append(new Barrier(turn));
        awaitRest();
    }

    /**
     * Lets the next event run, if there is one.
     *
     * @param throwing it throws an exception instead
     * @return whether there was one
     */
    synchronized boolean runOne(boolean throwing) {
        turn += 1;
        permit = true;
        resting = false;
        ran = false;
        this.throwing = throwing;
        queue.append(new Fence(turn));
        notifyAll();
        awaitRest();
        return ran;
    }

    synchronized void open() {
        open = true;
        notifyAll();
    }

    @Override
    public void incrementOperationsStarted() {
        begin();
        if (throwing) {
            throw new RuntimeException("injected");
        }
    }

    @Override
    public void incrementOperationsTimedOut() {
        begin();
    }

    private void begin() {
        long of;
        synchronized (this) {
            if (open) {
                return;
            }
            if (!permit) {
                rest();
                while (!permit && !open) {
                    await();
                }
            }
            permit = false;
            ran = true;
            of = turn;
        }
        queue.prepend(new Barrier(of));
    }

    private synchronized void stop(long of) {
        if (of == turn && !open) {
            rest();
            while (of == turn && !open) {
                await();
            }
        }
    }

    private void rest() {
        resting = true;
        notifyAll();
    }

    private void awaitRest() {
        long until = System.currentTimeMillis() + PATIENCE_MS;
        while (!resting) {
            long left = until - System.currentTimeMillis();
            if (left <= 0) {
                throw new AssertionError("the event queue's thread does not come to rest");
            }
            await(left);
        }
    }

    private void await() {
        await(0);
    }

    private void await(long ms) {
        try {
            wait(ms);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** Where the thread waits for the next turn. */
    private class Barrier implements EventQueue.Event {
        private final long of;

        Barrier(long of) {
            this.of = of;
        }

        @Override
        public void run() {
            stop(of);
        }
    }

    /** Is reached if there was nothing to run. */
    private final class Fence extends Barrier {
        private final long of;

        Fence(long of) {
            super(of);
            this.of = of;
        }

        @Override
        public void run() {
            synchronized (Gate.this) {
                if (of != turn || !permit) {
                    return;
                }
                permit = false;
            }
            stop(of);
        }
    }
}
