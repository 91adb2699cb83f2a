/// What is wrong, with a word on what to do and the text that would mend it, where they are known.
pub trait Advised: Sized {
    /// The word, and the text.
    fn advice(&mut self) -> (&mut Option<String>, &mut Option<String>);

    /// With a word on why, or on what to do; after the one that is there.
    #[must_use]
    fn help(mut self, help: impl AsRef<str>) -> Self {
        let (said, _) = self.advice();
        let before = said.take().map(|said| said + "; ").unwrap_or_default();
        *said = Some(before + help.as_ref());
        self
    }

    /// With the text that would mend it.
    #[must_use]
    fn fix(mut self, fix: impl Into<String>) -> Self {
        *self.advice().1 = Some(fix.into());
        self
    }

    /// With what may have been meant, where something is near.
    #[must_use]
    fn meant(self, near: Option<impl Into<String>>) -> Self {
        match near.map(Into::into) {
            Some(near) => self.help(format!("did you mean `{near}`?")).fix(near),
            None => self,
        }
    }
}
