/// Some f32 in one register. Everything is element by element.
///
/// Functions that are generic over it are `inline(always)`: only inside a
/// function that is compiled for the register's instructions are they these.
pub trait Vector: Copy {
    /// Values in a register.
    const LANES: usize;

    /// Rows of a tile of a product, at most six: so many times two registers of
    /// sums, and what is multiplied, are the registers that there are.
    const TILE: usize;

    /// The same value in every lane.
    fn splat(x: f32) -> Self;

    /// # Safety
    /// `from` is valid for `LANES` values; it need not be aligned.
    unsafe fn load(from: *const f32) -> Self;

    /// # Safety
    /// `to` is valid for `LANES` values; it need not be aligned.
    unsafe fn store(self, to: *mut f32);

    /// `self + other`
    fn add(self, other: Self) -> Self;
    /// `self - other`
    fn sub(self, other: Self) -> Self;
    /// `self * other`
    fn mul(self, other: Self) -> Self;
    /// `self / other`
    fn div(self, other: Self) -> Self;

    /// `self * by + plus`, rounded once where the machine can, else twice.
    fn mul_add(self, by: Self, plus: Self) -> Self;

    /// `yes` where `self < than`, else `no`; also `no` where either is a NaN.
    fn less(self, than: Self, yes: Self, no: Self) -> Self;

    /// The bits, moved 23 to the left: from an f32's lowest bits to its exponent.
    fn to_exponent(self) -> Self;

    /// The sum of the lanes.
    fn sum(self) -> f32;
}

/// One value: for what is left over after the last whole register.
impl Vector for f32 {
    const LANES: usize = 1;
    const TILE: usize = 4;

    #[inline(always)]
    fn splat(x: f32) -> Self {
        x
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        unsafe { from.read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { to.write_unaligned(self) }
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self + other
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self - other
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self * other
    }
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        self / other
    }
    #[inline(always)]
    fn mul_add(self, by: Self, plus: Self) -> Self {
        self * by + plus
    }
    #[inline(always)]
    fn less(self, than: Self, yes: Self, no: Self) -> Self {
        if self < than { yes } else { no }
    }
    #[inline(always)]
    fn to_exponent(self) -> Self {
        f32::from_bits(self.to_bits() << 23)
    }
    #[inline(always)]
    fn sum(self) -> f32 {
        self
    }
}

/// Eight values, of which the compiler makes what registers it has.
impl Vector for [f32; 8] {
    const LANES: usize = 8;
    const TILE: usize = 4;

    #[inline(always)]
    fn splat(x: f32) -> Self {
        [x; 8]
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        unsafe { from.cast::<Self>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { to.cast::<Self>().write_unaligned(self) }
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        core::array::from_fn(|i| self[i] + other[i])
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        core::array::from_fn(|i| self[i] - other[i])
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        core::array::from_fn(|i| self[i] * other[i])
    }
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        core::array::from_fn(|i| self[i] / other[i])
    }
    #[inline(always)]
    fn mul_add(self, by: Self, plus: Self) -> Self {
        core::array::from_fn(|i| self[i] * by[i] + plus[i])
    }
    #[inline(always)]
    fn less(self, than: Self, yes: Self, no: Self) -> Self {
        core::array::from_fn(|i| if self[i] < than[i] { yes[i] } else { no[i] })
    }
    #[inline(always)]
    fn to_exponent(self) -> Self {
        self.map(f32::to_exponent)
    }
    #[inline(always)]
    fn sum(self) -> f32 {
        let [a, b, c, d, e, f, g, h] = self;
        ((a + e) + (b + f)) + ((c + g) + (d + h))
    }
}
