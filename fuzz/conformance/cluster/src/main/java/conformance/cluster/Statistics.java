package conformance.cluster;

/** Quantiles, and how far two samples are apart. */
final class Statistics {
    static final int[] PERCENTS = {10, 25, 50, 75, 90, 99};
    /** Of the Kolmogorov distribution. */
    private static final double AT_95_PERCENT = 1.358;

    private Statistics() {
    }

    /** The smallest value that so many percent of all do not exceed; of sorted values. */
    static double quantile(double[] sorted, int percent) {
        return sorted[Math.max(0, (int) Math.ceil(sorted.length * percent / 100.0) - 1)];
    }

    /** The Kolmogorov-Smirnov distance: the largest difference of the two distribution functions; of sorted values. */
    static double distance(double[] one, double[] other) {
        double most = 0;
        int i = 0;
        int j = 0;
        while (i < one.length && j < other.length) {
            double at = Math.min(one[i], other[j]);
            while (i < one.length && one[i] <= at) {
                i++;
            }
            while (j < other.length && other[j] <= at) {
                j++;
            }
            most = Math.max(most, Math.abs((double) i / one.length - (double) j / other.length));
        }
        return most;
    }

    /** Samples of one distribution are further apart in 5 % of all cases. */
    static double distanceBound(int one, int other) {
        return AT_95_PERCENT * Math.sqrt((one + other) / ((double) one * other));
    }
}
