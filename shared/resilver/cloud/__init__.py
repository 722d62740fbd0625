"""The cloud engine: pictures to a service of the improve method and back."""
