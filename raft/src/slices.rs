//! Shared slices that are reused when no message refers to them any more: messages carry arrays, and a sender builds
//! arrays of the same few lengths again and again.

use std::rc::Rc;

/// How many slices are kept for reuse; more are seldom in flight.
const KEPT: usize = 8;

/// The most recently shared slices.
#[derive(Debug)]
pub struct Slices<T>(Vec<Rc<[T]>>);

impl<T> Default for Slices<T> {
    fn default() -> Self {
        Slices(Vec::new())
    }
}

/// A copy of a node shares no slices with the original.
impl<T> Clone for Slices<T> {
    fn clone(&self) -> Self {
        Slices::default()
    }
}

impl<T> Slices<T> {
    /// These items as a shared slice. The old items of a slice are dropped only when it is reused.
    pub fn share(&mut self, items: impl ExactSizeIterator<Item = T>) -> Rc<[T]> {
        let fits = |slice: &&mut Rc<[T]>| slice.len() == items.len() && Rc::strong_count(slice) == 1;
        if let Some(slice) = self.0.iter_mut().find(fits) {
            for (place, item) in Rc::get_mut(slice).into_iter().flatten().zip(items) {
                *place = item;
            }
            return Rc::clone(slice);
        }
        let slice: Rc<[T]> = items.collect();
        if self.0.len() == KEPT {
            self.0.remove(0);
        }
        self.0.push(Rc::clone(&slice));
        slice
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_is_filled_again_only_when_nobody_else_holds_it() {
        let mut slices = Slices::default();
        let first = slices.share([1, 2].into_iter());
        let second = slices.share([3, 4].into_iter());
        assert_eq!((&*first, &*second), (&[1, 2][..], &[3, 4][..]));
        let address = first.as_ptr();
        drop(first);
        let third = slices.share([5, 6].into_iter());
        assert_eq!((&*second, &*third, third.as_ptr()), (&[3, 4][..], &[5, 6][..], address));
    }
}
