"""What needles and decoys are made of: forms, kinds and words, all invented here."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One kind of needle: the sentence that tells it and asks for it, and what its answer is.

    `{n}` is a name (a form without it can stand in a text once), `{a}` the answer: so many
    `digits`, or a word when that is 0. No trailing space: what follows begins with white space.
    """

    name: str
    form: str
    digits: int = 0

    @property
    def named(self) -> bool:
        """Whether several of this kind can stand in one text, told apart by their names."""
        return "{n}" in self.form


KINDS = (
    Kind("passkey", " The pass key is {a}.", digits=5),
    Kind("key", " The {n} key is {a}.", digits=5),
    Kind("number", " The magic number of {n} is {a}.", digits=7),
    Kind("word", " The secret word is {a}."),
)

DECOYS = (
    " #",
    " ####",
    " ######",
    " the ##th of May, 18##,",
    " in the year ####;",
    " on page ### of the book,",
    " at ## minutes past #,",
    " No. ##,",
    " No. #####,",
    " He had #### pounds a year.",
    " She counted ### steps.",
    " They sold it for ## shillings.",
    " The number is #####.",
    " The number of the house was ###.",
    " The sum came to #######.",
    " The bill was £##.",
    " The key is lost.",
    " The word is @.",
    " The @ is old.",
    " Nobody knew the number of the @.",
    "\n\n\n\nCHAPTER #\n\n\n",
    "\n\n\n\nCHAPTER ##\n\n\n",
    "\n\n\n\nVOLUME II\n\n\n",
    "\n\n\n\nVOLUME #\n\n\n",
)
"""What resembles a needle and is none: `#` stands for a digit, `@` for a word. Edit freely."""

CONSONANTS, VOWELS, ENDS = "bcdfghklmnprstvw", "aeiou", "nrstl"
"""Invented words: consonant, vowel and now and then an end, over again."""

WORDS = (
    "acorn acrobat airship alder algebra alloy almond alpaca amber amulet anchor antenna anvil "
    "apricot apron aquifer arcade armchair aspen asphalt asteroid atlas avocado axle azure "
    "badger bagpipe balsam bamboo bandage banjo baobab barnacle basalt basil bassoon bayou "
    "beacon beagle beaver beetle bellows bicycle birch biscuit bison blizzard blossom bobbin "
    "bonfire boulder bramble brass bronze bubble bucket buckle buffalo bugle bumper bunker "
    "burrow cabbage cactus caldera camel camera canary candle cannon canoe canyon caramel "
    "caravan cardinal caribou carousel cashew castor catapult cauldron caviar cedar cello cement "
    "ceramic chalk cheetah chestnut chimney chisel cider cinder cinnamon citadel citrus clarinet "
    "clover cobalt cobra cobweb coconut comet compass concrete condor copper coral cornet cotton "
    "cougar coyote crab crane crater crayon cricket crimson crystal cupola curry cyclone cymbal "
    "cypress daffodil dahlia damson decibel delta denim diesel dinghy dingo dolphin domino "
    "donkey dragon drizzle dune dynamo eagle easel echo eclipse elbow ember emerald enamel "
    "engine ermine falcon feldspar fennel fern ferret fiddle filter finch fjord flamingo flannel "
    "flask flint flute foghorn fossil foxglove freckle funnel gable galaxy gallon garlic garnet "
    "gazelle gecko geranium geyser gibbon ginger giraffe glacier goblet goblin gondola gorilla "
    "granite graphite gravel griffin grotto guitar gull gypsum hamlet hammer hammock hamster "
    "harpoon hatchet hazel hedgehog helium helmet hemlock heron herring hickory honey hornet "
    "hubcap humus hurdle hyacinth hyena iceberg igloo iguana indigo ingot inkwell iodine iris "
    "ivory jackal jaguar jasmine javelin jetty jigsaw juniper kayak kelp kennel kestrel kettle "
    "kiln kimono kiosk kiwi koala krypton lacquer ladle lagoon lantern larch larder lasso lava "
    "lavender lemming lemon lentil leopard lichen lignite lilac limpet linen lizard llama "
    "lobster locust lotus lupin lynx lyre macaw magenta magma magnet magpie mahogany mallard "
    "mallet mammoth mandolin mango mangrove mantis maple marble marigold marmot marzipan mastiff "
    "meadow meerkat melon mercury meringue mermaid meteor mica minnow mohair mole monsoon moose "
    "mortar mosaic mosquito moth muffin mulberry mushroom muskrat mussel mustard nebula nectar "
    "neon nettle neutron newt nickel noodle nougat nutmeg oasis oatmeal obelisk oboe obsidian "
    "ocelot octopus olive onyx opal orbit orchid oregano origami osprey ostrich otter oxygen "
    "oyster paddle pagoda palette pancake panda panther papaya paprika papyrus parasol parrot "
    "parsnip peacock peanut pebble pelican pendulum penguin pepper petunia pewter phoenix "
    "piccolo pickle pigeon piranha piston pixel planet plankton plaster plateau platinum plover "
    "plum plywood polecat pollen pontoon poplar poppy prairie pretzel prism puffin pulley puma "
    "pumice pumpkin puppet pyramid python quail quarry quartz quasar quiver rabbit raccoon radar "
    "radish raffia raisin raven reactor reindeer rhubarb ribbon rocket rodeo rosemary rubble "
    "ruby rudder saddle saffron salmon samovar sandal sapphire sardine sauna scallop scarab "
    "scarf scorpion seagull seahorse seaweed sequoia sesame shale shamrock sherbet shrimp sickle "
    "silicon silo skylark sleet slipper sloth sludge smelter snorkel snowman sodium sonar "
    "spaniel spatula sphinx spider spinach sponge sprocket squid squirrel stadium stallion "
    "starfish stencil steppe stingray stork sulphur swallow swamp sycamore tadpole tango tapioca "
    "tarragon teapot termite terrapin thistle thunder thyme tiger timber toboggan toffee tomato "
    "topaz tornado tortoise toucan tractor trellis trombone trout trowel truffle trumpet tuba "
    "tulip tundra tungsten turbine turnip turtle tweezers typhoon ukulele umbrella unicorn "
    "uranium vanilla vapour velvet viaduct viola violet viper volcano vulture waffle walnut "
    "walrus warbler wasp weasel wharf whisk wicket wigwam willow wombat wrench xenon yacht yeast "
    "yodel yogurt yucca zebra zeppelin zinc zircon zither"
)
"""Names and answers in alphabetical order, four to eight letters, most of them rare in novels."""

HELD_OUT_WORDS = tuple(WORDS.split()[4::5])
"""Every fifth word, which no training text says."""
TRAIN_WORDS = tuple(word for i, word in enumerate(WORDS.split()) if i % 5 != 4)
