"""Feminine nouns of French that its endings do not tell: what people count most."""

from __future__ import annotations

FEMININE = frozenset(
    (
        "abeille affiche agence aile aire amande amende amie ampoule analyse annexe année antenne application arme "
        "asperge attaque aubergine bague baie baisse balade baleine balle banane banque barquette barre bataille "
        "batterie betterave bière bombe botte bouche bougie boule bouteille boutique boîte branche brebis brioche "
        "brique bulle bête cacahuète calorie candidature canette cannelle capsule carafe carotte carte case casserole "
        "cave cellule centaine cerise chaise chambre chance chanson charge chaussure chaîne chemise chose châtaigne "
        "chèvre citrouille classe clause clef clé clémentine colline colonne commune compote confiture conserve "
        "console copie corde couleur coupe courge couronne course cousine cravate crevette croisière crème crêpe "
        "cuiller cuillerée cuillère cuisine cuisse côte côtelette darne datte demande dent dinde dizaine dose "
        "douzaine durée défaite dépense endive enquête entreprise erreur escalope espèce expérience facture famille "
        "farine faute façon femme fenêtre feuille fiche figue fille finale fleur flèche fois force forêt fourmi "
        "fraise framboise frontière fréquence galette gare gaufre gelée glace gourde gousse goutte groseille grève "
        "guerre gélule hausse hauteur herbe heure hryvnia huître idée image inondation jambe jatte joue journée jupe "
        "kilocalorie laitue lampe langue largeur lettre levure leçon ligne ligue lire liste livre loi longe longueur "
        "louche madeleine main maison majorité manche mandarine mangue marche marmite masse matinée mer merguez "
        "meringue mesure mi-temps milliseconde minute mise moitié mole molécule montagne montre mort moto mouche "
        "moule moyenne muscade myrtille mère médaille mûre naissance noisette noix norme note nuit odeur offre olive "
        "once opération orange ordonnance oreille page part partie pastille pastèque peine perle personne perte photo "
        "phrase pierre pile pilule pincée piqûre pistache piste pizza pièce place plage plainte planche plante plaque "
        "poignée poire pomme porte portion poudre poule poutre poêle pression preuve prime princesse prise profondeur "
        "promenade province prune puce puissance purée pâte pêche quantité question quiche quinzaine race racine "
        "radio raison raquette ration recette reine revue rivière robe rose roue roupie route rue règle région "
        "rémunération réplique réponse réunion saison salade salle sardine sauce saucisse scène seconde secousse "
        "semaine soirée somme sortie soupe souris surface syllabe séance série sœur table tablette taille tante tarte "
        "tartine tasse taxe température tempête terrine tige tomate tonne touche tour tranche trentaine truite tâche "
        "tête usagère usine vache vague valeur vallée vanille veste victime victoire vidéo ville vingtaine virgule "
        "visite vitesse voie voiture voix échalote échine école église élue épaisseur épaule épice époque équipe "
        "étape étoile étude île"
        " atmosphère"
    ).split()
)
ENDS = (
    "tion", "sion", "xion", "ette", "ance", "ence", "elle", "esse", "trice", "tude", "ité", "aison", "logie", "graphie",
    "euse", "erie", "nnée", "gure", "ture", "sure", "asse", "isse", "otte", "enne", "ienne",
    "ière", "ouille", "ade", "rée",
    "lée", "née", "tée", "pée", "sée",
)  # fmt: skip
NOT_FEMININE = frozenset(
    "apogée arrière athée barbecue blé café camarade carré cimetière colisée comité congé coude côté degré "
    "derrière domaine décolleté défilé employé gisement grade gratte invité jade jubilé lycée malade marché "
    "mausolée mercure murmure musée narcisse parjure pelotage pré rallye renne salarié scarabée silence squelette "
    "stade suisse traité trophée été".split()
)
